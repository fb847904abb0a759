-- Moves a message that is not claimed to the cancellations. One row if it was moved.
WITH from_due AS (
    DELETE FROM due WHERE message_id = %(id)s AND holder IS NULL
 RETURNING message_id, customer_id, attempts, generation, token
), from_retries AS (
    DELETE FROM retries WHERE message_id = %(id)s
 RETURNING message_id, customer_id, attempts, generation, token
)
INSERT INTO cancellations (message_id, customer_id, attempts, generation, token, cancelled_at)
SELECT message_id, customer_id, attempts, generation, token + 1, clock_timestamp() FROM from_due
 UNION ALL
SELECT message_id, customer_id, attempts, generation, token + 1, clock_timestamp() FROM from_retries
RETURNING message_id
