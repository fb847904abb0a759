-- Adds a job unless there are too many that are not finished, of all customers or of its own, or its idempotency key
-- was used. Returns its id if it was added.
INSERT INTO jobs (id, kind, state, selection, change, customer_id, incarnation, low, high, rate, matched, next_step_at,
                  idempotency_key, body_hash, requested_by, request_id, created_at, started_at, finished_at)
SELECT %(id)s::uuid, %(kind)s::text, %(state)s::text, %(selection)s::jsonb, %(change)s::jsonb, %(customer)s::text,
       %(incarnation)s::bigint, %(low)s::uuid, %(high)s::uuid, %(rate)s::integer, %(matched)s::bigint, now(),
       %(idempotency_key)s::text, %(body_hash)s::bytea, %(requested_by)s::text, %(request_id)s::text,
       %(created_at)s::timestamptz, CASE WHEN %(state)s::text <> 'held' THEN %(created_at)s::timestamptz END,
       CASE WHEN %(state)s::text = 'done' THEN %(created_at)s::timestamptz END
 WHERE %(state)s::text = 'done'
    OR (SELECT count(*) FROM jobs WHERE state IN ('held', 'running', 'paused')) < %(most)s
       AND (%(customer)s::text IS NULL
            OR (SELECT count(*) FROM jobs
                 WHERE state IN ('held', 'running', 'paused') AND customer_id = %(customer)s) < %(most_of_customer)s)
ON CONFLICT (requested_by, idempotency_key) DO NOTHING
RETURNING id
