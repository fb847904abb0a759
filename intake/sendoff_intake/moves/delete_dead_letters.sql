-- Deletes these dead letters for good, those of one customer if it is given. Returns one row per letter, with its
-- customer unless that was deleted.
DELETE FROM dead_letters
 WHERE message_id = ANY(%(ids)s::uuid[])
   AND (%(customer)s::text IS NULL OR customer_id = %(customer)s AND dead_letters.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), dead_letters.incarnation))
RETURNING (SELECT id FROM customers WHERE customers.incarnation = dead_letters.incarnation)
