-- Makes retries whose time has come due again, up to batch_size of them.
WITH ripe AS MATERIALIZED (
    SELECT message_id FROM retries
     WHERE next_attempt_at <= statement_timestamp() + %(horizon)s
     ORDER BY next_attempt_at
     LIMIT %(batch_size)s
       FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM retries WHERE retries.message_id = ANY (ARRAY(SELECT message_id FROM ripe)) RETURNING retries.*
)
INSERT INTO due (message_id, customer_id, due_at, visible_at, attempt, generation, token)
SELECT message_id, customer_id, next_attempt_at, next_attempt_at, attempt, generation, token + 1 FROM gone
