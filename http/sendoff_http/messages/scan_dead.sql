-- Lists the newest dead letters of an id range.
SELECT message_id, (%(customer)s::text IS NULL OR dead_letters.customer_id = %(customer)s AND dead_letters.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), dead_letters.incarnation))
                   AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
  FROM dead_letters
 WHERE message_id >= %(low)s AND message_id < %(high)s
 ORDER BY message_id DESC
 LIMIT %(chunk)s
