-- Moves messages from due to the dead letters, a full copy with the history of their attempts, if the claim still holds.
WITH given AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[], %(reasons)s::text[]) AS given (message_id, token, reason)
), gone AS (
    DELETE FROM due USING given
     WHERE due.message_id = given.message_id AND due.token = given.token
 RETURNING due.message_id, due.attempt, due.generation, due.token, given.reason
)
INSERT INTO dead_letters (message_id, customer_id, recipient, payload, deliver_at, expires_at, created_at, dead_at,
                          reason, attempts, generation, token, last_error, history)
SELECT messages.id, messages.customer_id, messages.recipient, messages.payload, messages.deliver_at,
       messages.expires_at, messages.created_at, clock_timestamp(), gone.reason, gone.attempt, gone.generation,
       gone.token + 1, past.history -> -1 ->> 'detail', coalesce(past.history, '[]')
  FROM gone
  JOIN messages ON messages.id = gone.message_id
  LEFT JOIN LATERAL (
       SELECT jsonb_agg(jsonb_build_object(
                  'generation', attempts.generation, 'attempt', attempts.attempt, 'startedAt', attempts.started_at,
                  'durationMs', attempts.duration_us / 1000.0, 'statusCode', attempts.status_code,
                  'errorClass', attempts.error_class, 'detail', attempts.detail)
              ORDER BY attempts.generation, attempts.attempt) AS history
         FROM attempts WHERE attempts.message_id = gone.message_id) past ON true
RETURNING message_id
