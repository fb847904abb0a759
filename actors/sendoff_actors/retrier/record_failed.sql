-- Records failed attempts and moves their messages from due to retries, if the claim still holds; returns those moved.
-- A message without a next attempt stays claimed, with the attempt counted; the event is then that it is dead.
-- coalesce, because IS NOT NULL would let the planner take the index of leases for that of the key.
-- Arrays come by subqueries, which hide their lengths: PostgreSQL would plan anew each time, for longer than it runs.
WITH failed AS MATERIALIZED (
    SELECT * FROM unnest((SELECT %(ids)s::uuid[]), (SELECT %(tokens)s::bigint[]), (SELECT %(attempts)s::integer[]),
                         (SELECT %(generations)s::integer[]), (SELECT %(started)s::timestamptz[]),
                         (SELECT %(durations)s::bigint[]), (SELECT %(statuses)s::smallint[]),
                         (SELECT %(classes)s::text[]), (SELECT %(details)s::text[]), (SELECT %(answers)s::bytea[]),
                         (SELECT %(next)s::timestamptz[]))
        AS failed (message_id, token, attempt, generation, started_at, duration_us, status_code, error_class, detail,
                   answer, next_attempt_at)
), held AS MATERIALIZED (
    SELECT failed.*, claim.customer_id, claim.incarnation
      FROM failed
     CROSS JOIN LATERAL (
           SELECT customer_id, incarnation FROM due
            WHERE due.message_id = failed.message_id AND due.token = failed.token AND coalesce(due.holder, '') <> ''
              AND due.attempts < failed.attempt
              FOR UPDATE) AS claim
), gone AS (
    DELETE FROM due
     WHERE due.message_id = ANY (ARRAY(SELECT message_id FROM held WHERE next_attempt_at IS NOT NULL))
), last AS (
    UPDATE due SET attempts = due.attempts + 1
     WHERE due.message_id = ANY (ARRAY(SELECT message_id FROM held WHERE next_attempt_at IS NULL))
), recorded AS (
    INSERT INTO attempts (message_id, generation, attempt, token, started_at, duration_us, status_code, error_class,
                          detail, answer, event_position)
    SELECT message_id, generation, attempt, token, started_at, duration_us, status_code, error_class, detail, answer,
           CASE WHEN next_attempt_at IS NOT NULL THEN event_position() END
      FROM held
)
INSERT INTO retries (message_id, customer_id, next_attempt_at, attempts, generation, token, incarnation)
SELECT message_id, customer_id, next_attempt_at, attempt, generation, token + 1, incarnation
  FROM held
 WHERE next_attempt_at IS NOT NULL
RETURNING message_id
