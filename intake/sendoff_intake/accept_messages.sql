-- Stores messages and makes them due, all or none; one Idempotency-Key stores one message, however many requests use it.
-- Answers one row per input, in order: whether the customer exists, the id that stands for the key, whether its body
-- is the same, and when the message is delivered. Repeating it with the same ids changes nothing. Keys are taken in
-- order, so that two such statements never deadlock.
-- Arrays come by subqueries, which hide their lengths: PostgreSQL would plan anew each time, for longer than it runs.
WITH input AS (
    SELECT item.*, customers.id IS NOT NULL AS known, customers.incarnation,
           greatest(coalesce(item.given_at, now() + item.delay * interval '1 microsecond'), now()) AS deliver_at
      FROM unnest((SELECT %(ids)s::uuid[]), (SELECT %(customers)s::text[]), (SELECT %(recipients)s::text[]),
                  (SELECT %(payloads)s::text[]), (SELECT %(given)s::timestamptz[]), (SELECT %(delays)s::bigint[]),
                  (SELECT %(expiries)s::timestamptz[]), (SELECT %(created)s::bigint[]), (SELECT %(retries)s::text[]),
                  (SELECT %(references)s::text[]), (SELECT %(traces)s::text[]), (SELECT %(keys)s::text[]),
                  (SELECT %(hashes)s::bytea[]))
           WITH ORDINALITY AS item (id, customer_id, recipient, payload, given_at, delay, expires_at, created_ms,
                                    retry, reference, trace, key, body_hash, position)
      LEFT JOIN customers ON customers.id = item.customer_id
), keys AS (
    INSERT INTO idempotency_keys (incarnation, key, body_hash, message_id)
    SELECT DISTINCT ON (incarnation, key) incarnation, key, body_hash, id
      FROM input
     WHERE key IS NOT NULL AND known
     ORDER BY incarnation, key, position
        ON CONFLICT (incarnation, key) DO UPDATE SET key = excluded.key
    RETURNING incarnation, key, body_hash, message_id
), decided AS (
    SELECT input.*, coalesce(keys.message_id, input.id) AS message_id,
           keys.body_hash IS NULL OR keys.body_hash = input.body_hash AS same_body
      FROM input
      LEFT JOIN keys ON keys.incarnation = input.incarnation AND keys.key = input.key
), stored AS (
    INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, expires_at, created_at, retry,
                          reference, trace, incarnation)
    SELECT id, customer_id, recipient, payload, deliver_at, expires_at, to_timestamp(created_ms::float8 / 1000),
           retry::jsonb, reference, trace, incarnation
      FROM decided
     WHERE known AND message_id = id
        ON CONFLICT (id) DO NOTHING
    RETURNING id, customer_id, deliver_at, incarnation
), scheduled AS (
    INSERT INTO due (message_id, customer_id, due_at, visible_at, incarnation)
    SELECT id, customer_id, deliver_at, deliver_at, incarnation FROM stored
)
SELECT decided.known, decided.message_id, decided.same_body,
       CASE WHEN decided.message_id = decided.id THEN decided.deliver_at
            ELSE (SELECT coalesce(earlier.deliver_at, first.deliver_at)
                    FROM (SELECT 1) AS once
                    LEFT JOIN messages AS earlier ON earlier.id = decided.message_id
                    LEFT JOIN decided AS first ON first.id = decided.message_id) END
  FROM decided
 ORDER BY decided.position
