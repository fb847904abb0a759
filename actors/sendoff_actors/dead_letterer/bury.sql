-- Moves messages from due to the dead letters, a full copy with the history of their attempts, if the claim still holds.
-- coalesce, because IS NOT NULL would let the planner take the index of leases for that of the key.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[], %(reasons)s::text[]) AS given (message_id, token, reason)
), held AS MATERIALIZED (
    SELECT given.*, claim.attempts, claim.generation
      FROM given
     CROSS JOIN LATERAL (
           SELECT attempts, generation FROM due
            WHERE due.message_id = given.message_id AND due.token = given.token AND coalesce(due.holder, '') <> ''
              FOR UPDATE) AS claim
), gone AS (
    DELETE FROM due WHERE due.message_id = ANY (ARRAY(SELECT message_id FROM held))
)
INSERT INTO dead_letters (message_id, customer_id, recipient, payload, deliver_at, expires_at, created_at, dead_at,
                          reason, attempts, generation, token, last_error, history, retry, reference, trace,
                          incarnation)
SELECT messages.id, messages.customer_id, messages.recipient, messages.payload, messages.deliver_at,
       messages.expires_at, messages.created_at, clock_timestamp(), held.reason, held.attempts, held.generation,
       held.token + 1, past.history -> -1 ->> 'detail', coalesce(past.history, '[]'),
       messages.retry, messages.reference, messages.trace, messages.incarnation
  FROM held
  JOIN messages ON messages.id = held.message_id
  LEFT JOIN LATERAL (
       SELECT jsonb_agg(jsonb_build_object(
                  'generation', attempts.generation, 'attempt', attempts.attempt, 'startedAt', attempts.started_at,
                  'durationMs', attempts.duration_us / 1000.0, 'statusCode', attempts.status_code,
                  'errorClass', attempts.error_class, 'detail', attempts.detail)
              ORDER BY attempts.generation, attempts.attempt) AS history
         FROM attempts WHERE attempts.message_id = held.message_id) past ON true
RETURNING incarnation, customer_id, reason
