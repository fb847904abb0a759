-- Inserts part of a stock of accepted messages, made within the last day and due at random within the next 30; about
-- `late` of them, from anywhere among them, have been due for up to an hour.
WITH planned AS MATERIALIZED (
    SELECT uuidv7((n::float8 / %(count)s - 1) * interval '1 day') AS id,
           CASE n %% greatest(%(count)s / %(late)s, 1) WHEN 0 THEN now() - random() * interval '1 hour'
                ELSE now() + interval '2 hours' + random() * interval '30 days' END AS due_at
      FROM generate_series(%(first)s::bigint, %(first)s::bigint + %(size)s - 1) AS n
), scheduled AS (
    INSERT INTO due (message_id, customer_id, due_at, visible_at, incarnation)
    SELECT id, 'default', due_at, due_at, (SELECT incarnation FROM customers WHERE id = 'default') FROM planned
)
INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, created_at, incarnation)
SELECT id, 'default', '+49151' || right(id::text, 6),
       format('{"id":"msg_%%s","to":"+49151%%s","content":"hello","metadata":{}}',
              replace(id::text, '-', ''), right(id::text, 6)),
       due_at, uuid_extract_timestamp(id), (SELECT incarnation FROM customers WHERE id = 'default')
  FROM planned
