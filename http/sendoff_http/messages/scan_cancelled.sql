-- Lists the newest cancelled messages of an id range.
SELECT message_id, %(customer)s::text IS NULL OR customer_id = %(customer)s
  FROM cancellations
 WHERE message_id >= %(low)s AND message_id < %(high)s
 ORDER BY message_id DESC
 LIMIT %(chunk)s
