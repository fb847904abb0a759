-- Lists the newest messages of a reference in an id range, and whether each is the customer's if one is given.
-- The pairs are compared and ordered as pairs, and the upper bound with <=, so that the planner walks the index on them.
SELECT id, %(customer)s::text IS NULL OR messages.customer_id = %(customer)s AND messages.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), messages.incarnation)
  FROM messages
 WHERE (reference, id) >= (%(reference)s::text, %(low)s::uuid) AND (reference, id) <= (%(reference)s::text, %(high)s::uuid)
   AND id <> %(high)s AND reference IS NOT NULL AND id >= greatest(%(low)s::uuid, first_reference_id())
 ORDER BY reference DESC, id DESC
 LIMIT %(chunk)s
