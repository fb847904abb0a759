-- Stores messages that are surely new and have no Idempotency-Key, and makes them due, all or none.
-- Answers one row: the moment that counted as now, and which of the customers named do not exist; their messages are
-- not stored. It is accept_messages.sql without what only keys and repetitions need, at two thirds of its cost.
-- Arrays come by subqueries, which hide their lengths: PostgreSQL would plan anew each time, for longer than it runs.
WITH stored AS (
    INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, expires_at, created_at, retry,
                          reference, trace, incarnation)
    SELECT item.id, item.customer_id, item.recipient, item.payload,
           greatest(coalesce(item.given_at, now() + item.delay * interval '1 microsecond'), now()),
           item.expires_at, to_timestamp(item.created_ms::float8 / 1000), item.retry::jsonb,
           item.reference, item.trace, customers.incarnation
      FROM unnest((SELECT %(ids)s::uuid[]), (SELECT %(customers)s::text[]), (SELECT %(recipients)s::text[]),
                  (SELECT %(payloads)s::text[]), (SELECT %(given)s::timestamptz[]), (SELECT %(delays)s::bigint[]),
                  (SELECT %(expiries)s::timestamptz[]), (SELECT %(created)s::bigint[]), (SELECT %(retries)s::text[]),
                  (SELECT %(references)s::text[]), (SELECT %(traces)s::text[]))
           AS item (id, customer_id, recipient, payload, given_at, delay, expires_at, created_ms, retry, reference,
                    trace)
      JOIN customers ON customers.id = item.customer_id
    RETURNING id, customer_id, deliver_at, incarnation
), scheduled AS (
    INSERT INTO due (message_id, customer_id, due_at, visible_at, incarnation)
    SELECT id, customer_id, deliver_at, deliver_at, incarnation FROM stored
)
SELECT now(), array(SELECT named.id FROM unnest((SELECT %(named)s::text[])) AS named (id)
                     WHERE NOT EXISTS (SELECT FROM customers WHERE customers.id = named.id))
