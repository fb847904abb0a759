-- Lists the newest undelivered messages of an id range, and whether each waits for its first attempt.
SELECT message_id, holder IS NULL AND attempts = 0 AND (%(customer)s::text IS NULL OR due.customer_id = %(customer)s AND due.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), due.incarnation))
  FROM due
 WHERE message_id >= %(low)s AND message_id < %(high)s
 ORDER BY message_id DESC
 LIMIT %(chunk)s
