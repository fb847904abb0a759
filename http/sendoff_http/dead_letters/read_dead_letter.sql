-- Reads one dead letter with the history of its attempts.
SELECT message_id, customer_id, recipient, payload, deliver_at, expires_at, retry, created_at, dead_at,
       reason, attempts, generation, last_error, history
  FROM dead_letters
 WHERE message_id = %(id)s
