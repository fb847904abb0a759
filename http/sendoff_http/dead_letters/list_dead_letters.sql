-- Lists the dead letters that match the filters, newest first.
SELECT message_id, reference, customer_id, recipient, payload, deliver_at, expires_at, retry, created_at, dead_at,
       reason, attempts, generation, last_error
  FROM dead_letters
 WHERE message_id >= %(low)s AND message_id < %(high)s
   AND (%(reason)s::text IS NULL OR reason = %(reason)s)
 ORDER BY message_id DESC
 LIMIT %(limit)s
