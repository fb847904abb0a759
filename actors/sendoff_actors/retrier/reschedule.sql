-- Records failed attempts and moves their messages from due to retries, if their claim still holds. Returns those moved.
WITH failed AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[], %(attempts)s::integer[], %(generations)s::integer[],
                         %(started)s::timestamptz[], %(durations)s::integer[], %(statuses)s::smallint[],
                         %(classes)s::text[], %(details)s::text[], %(answers)s::bytea[], %(next)s::timestamptz[])
        AS failed (message_id, token, attempt, generation, started_at, duration_us, status_code, error_class, detail,
                   answer, next_attempt_at)
), gone AS (
    DELETE FROM due USING failed
     WHERE due.message_id = failed.message_id AND due.token = failed.token AND failed.next_attempt_at IS NOT NULL
 RETURNING due.message_id, due.customer_id, failed.next_attempt_at, failed.attempt, due.generation, due.token + 1
), last AS (
    UPDATE due SET attempt = failed.attempt
      FROM failed
     WHERE due.message_id = failed.message_id AND due.token = failed.token AND failed.next_attempt_at IS NULL
       AND due.attempt < failed.attempt
 RETURNING due.message_id
), recorded AS (
    INSERT INTO attempts (message_id, generation, attempt, token, started_at, duration_us, status_code, error_class,
                          detail, answer)
    SELECT failed.message_id, failed.generation, failed.attempt, failed.token, failed.started_at, failed.duration_us,
           failed.status_code, failed.error_class, failed.detail, failed.answer
      FROM failed
     WHERE failed.message_id IN (SELECT message_id FROM gone UNION ALL SELECT message_id FROM last)
)
INSERT INTO retries (message_id, customer_id, next_attempt_at, attempt, generation, token)
SELECT * FROM gone
RETURNING message_id
