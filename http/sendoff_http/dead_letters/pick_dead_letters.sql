-- Lists the ids of the newest dead letters that match the filters.
SELECT message_id
  FROM dead_letters
 WHERE message_id >= %(low)s AND message_id < %(high)s
   AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
   AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
   AND (%(reason)s::text IS NULL OR reason = %(reason)s)
 ORDER BY message_id DESC
 LIMIT %(limit)s
