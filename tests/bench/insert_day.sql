-- Inserts part of a day of messages of many customers, evenly over the last 24 hours. Of every hundred ten are dead, one
-- waits for a retry, five are due, half of them for up to an hour already, and the rest were delivered.
WITH planned AS MATERIALIZED (
    SELECT n, n %% 100 AS kind, uuidv7((n::float8 / %(count)s - 1) * interval '1 day') AS id,
           format('customer-%%s', n / 100 %% %(customers)s) AS customer_id
      FROM generate_series(%(first)s::bigint, %(first)s::bigint + %(size)s - 1) AS n
), body AS MATERIALIZED (
    SELECT planned.*, customers.incarnation, uuid_extract_timestamp(planned.id) AS made_at,
           '+49151' || right(planned.id::text, 6) AS recipient, 'order-' || n AS reference,
           format('{"id":"msg_%%s","to":"+49151%%s","content":"%%s","metadata":{"campaign":"spring"}}',
                  replace(planned.id::text, '-', ''), right(planned.id::text, 6), %(content)s::text) AS payload
      FROM planned JOIN customers ON customers.id = planned.customer_id
), stored AS (
    INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, created_at, reference, incarnation)
    SELECT id, customer_id, recipient, payload, made_at, made_at, reference, incarnation FROM body
), history AS MATERIALIZED (
    SELECT jsonb_agg(jsonb_build_object(
               'generation', 0, 'attempt', attempt, 'startedAt', now(), 'durationMs', 12.5, 'statusCode', 500,
               'errorClass', 'status', 'detail', 'answered 500')) AS attempts
      FROM generate_series(1, 8) AS attempt
), buried AS (
    INSERT INTO dead_letters (message_id, customer_id, recipient, payload, deliver_at, created_at, dead_at, reason,
                              attempts, generation, token, last_error, history, reference, incarnation)
    SELECT id, customer_id, recipient, payload, made_at, made_at, made_at,
           (ARRAY['exhausted', 'expired', 'rejected'])[1 + n %% 3], 8, 0, 8, 'answered 500', history.attempts,
           reference, incarnation
      FROM body, history WHERE kind < 10
), retried AS (
    INSERT INTO retries (message_id, customer_id, next_attempt_at, attempts, generation, token, incarnation)
    SELECT id, customer_id, now() + interval '1 day' + random() * interval '1 day', 1, 0, 1, incarnation
      FROM body WHERE kind = 10
), scheduled AS (
    INSERT INTO due (message_id, customer_id, due_at, visible_at, incarnation)
    SELECT id, customer_id, due_at, due_at, incarnation
      FROM (SELECT body.*, now() + (random() * 2 - 1) * interval '1 hour' AS due_at FROM body) AS timed
     WHERE kind BETWEEN 11 AND 15
)
INSERT INTO deliveries (message_id, customer_id, generation, token, attempts, due_at, created_at, sent_at, status_code,
                        duration_us, incarnation)
SELECT id, customer_id, 0, 1, 1, made_at, made_at, made_at + random() * interval '20 ms', 200, 1000, incarnation
  FROM body WHERE kind > 15
