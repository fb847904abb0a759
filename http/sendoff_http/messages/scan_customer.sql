-- Lists the newest messages of one customer in an id range.
SELECT id, true
  FROM messages
 WHERE customer_id = %(customer)s AND id >= %(low)s AND id < %(high)s
 ORDER BY id DESC
 LIMIT %(chunk)s
