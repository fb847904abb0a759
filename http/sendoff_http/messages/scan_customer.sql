-- Lists the newest messages of one customer in an id range.
SELECT id, true
  FROM messages
 WHERE customer_id = %(customer)s
   AND messages.incarnation = coalesce((SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s),
                                       messages.incarnation)
   AND id >= %(low)s AND id < %(high)s
 ORDER BY id DESC
 LIMIT %(chunk)s
