-- Records messages as sent if the claim still holds: moves them from due to deliveries. Returns the ids of the others, if any.
-- The rows are looked up and locked one by one: a join would be planned by statistics that say nothing of a hot table.
-- coalesce, because IS NOT NULL would let the planner take the index of leases for that of the key.
-- Arrays come by subqueries, which hide their lengths: PostgreSQL would plan anew each time, for longer than it runs.
WITH sent AS MATERIALIZED (
    SELECT * FROM unnest((SELECT %(ids)s::uuid[]), (SELECT %(tokens)s::bigint[]), (SELECT %(created)s::float8[]),
                         (SELECT %(sent)s::float8[]), (SELECT %(statuses)s::bigint[]),
                         (SELECT %(durations)s::bigint[]), (SELECT %(external)s::text[]))
        AS sent (message_id, token, created_at, sent_at, status_code, duration_us, external_message_id)
), held AS MATERIALIZED (
    SELECT sent.*, claim.customer_id, claim.incarnation, claim.generation, claim.attempts, claim.due_at
      FROM sent
     CROSS JOIN LATERAL (
           SELECT customer_id, incarnation, generation, attempts, due_at FROM due
            WHERE due.message_id = sent.message_id AND due.token = sent.token AND coalesce(due.holder, '') <> ''
              FOR UPDATE) AS claim
), gone AS (
    DELETE FROM due WHERE due.message_id = ANY (ARRAY(SELECT message_id FROM held))
), recorded AS (
    INSERT INTO deliveries (message_id, customer_id, generation, token, attempts, due_at, created_at, sent_at,
                            status_code, duration_us, external_message_id, incarnation)
    SELECT message_id, customer_id, generation, token, attempts + 1, due_at, to_timestamp(created_at),
           to_timestamp(sent_at), status_code, duration_us, external_message_id, incarnation
      FROM held
)
SELECT CASE WHEN (SELECT count(*) FROM held) < (SELECT count(*) FROM sent)
            THEN ARRAY(SELECT replace(message_id::text, '-', '') FROM sent
                        WHERE message_id <> ALL (ARRAY(SELECT message_id FROM held))) END
