-- Lists the newest dead letters of an id range.
SELECT message_id, (%(customer)s::text IS NULL OR customer_id = %(customer)s)
                   AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
  FROM dead_letters
 WHERE message_id >= %(low)s AND message_id < %(high)s
 ORDER BY message_id DESC
 LIMIT %(chunk)s
