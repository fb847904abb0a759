-- Lists the newest cancelled messages of an id range.
SELECT message_id, %(customer)s::text IS NULL OR cancellations.customer_id = %(customer)s AND cancellations.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), cancellations.incarnation)
  FROM cancellations
 WHERE message_id >= %(low)s AND message_id < %(high)s
 ORDER BY message_id DESC
 LIMIT %(chunk)s
