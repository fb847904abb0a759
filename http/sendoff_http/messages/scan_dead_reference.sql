-- Lists the newest dead letters of a reference in an id range, and whether each is the customer's if one is given.
SELECT message_id, %(customer)s::text IS NULL OR dead_letters.customer_id = %(customer)s AND dead_letters.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), dead_letters.incarnation)
  FROM dead_letters
 WHERE (reference, message_id) >= (%(reference)s::text, %(low)s::uuid)
   AND (reference, message_id) <= (%(reference)s::text, %(high)s::uuid) AND message_id <> %(high)s
   AND reference IS NOT NULL
 ORDER BY reference DESC, message_id DESC
 LIMIT %(chunk)s
