-- Inserts part of a stock of delivered messages, evenly over the last 30 days, each sent a moment after it was made; of
-- every hundred one waits for a retry and one is dead instead.
WITH planned AS MATERIALIZED (
    SELECT n, uuidv7((n::float8 / %(count)s - 1) * interval '30 days') AS id
      FROM generate_series(%(first)s::bigint, %(first)s::bigint + %(size)s - 1) AS n
), body AS MATERIALIZED (
    SELECT n, id, uuid_extract_timestamp(id) AS made_at, '+49151' || right(id::text, 6) AS recipient,
           format('{"id":"msg_%%s","to":"+49151%%s","content":"hello","metadata":{}}',
                  replace(id::text, '-', ''), right(id::text, 6)) AS payload
      FROM planned
), stored AS (
    INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, created_at, incarnation)
    SELECT id, 'default', recipient, payload, made_at, made_at, (SELECT incarnation FROM customers WHERE id = 'default')
      FROM body
), retried AS (
    INSERT INTO retries (message_id, customer_id, next_attempt_at, attempts, generation, token, incarnation)
    SELECT id, 'default', now() + interval '1 day' + random() * interval '1 day', 1, 0, 1,
           (SELECT incarnation FROM customers WHERE id = 'default')
      FROM body WHERE n %% 100 = 1
), buried AS (
    INSERT INTO dead_letters (message_id, customer_id, recipient, payload, deliver_at, created_at, dead_at, reason,
                              attempts, generation, token, history, incarnation)
    SELECT id, 'default', recipient, payload, made_at, made_at, made_at, 'exhausted', 8, 0, 8, '[]',
           (SELECT incarnation FROM customers WHERE id = 'default')
      FROM body
     WHERE n %% 100 = 2
)
INSERT INTO deliveries (message_id, customer_id, generation, token, attempts, due_at, created_at, sent_at, status_code,
                        duration_us, incarnation)
SELECT id, 'default', 0, 1, 1, made_at, made_at, made_at, 200, 1000,
       (SELECT incarnation FROM customers WHERE id = 'default')
  FROM body WHERE n %% 100 NOT IN (1, 2)
