-- Inserts messages as the API stores them, each due one step after the one before, the customers in turn, and returns
-- id, due time and body.
WITH owned AS MATERIALIZED (
    SELECT uuidv7() AS id, %(start)s::timestamptz + n * %(step)s::interval AS due_at,
           (%(customers)s::text[])[1 + n %% cardinality(%(customers)s::text[])] AS customer
      FROM generate_series(0, %(count)s - 1) AS n
), planned AS MATERIALIZED (
    SELECT owned.*, customers.incarnation FROM owned JOIN customers ON customers.id = owned.customer
), scheduled AS (
    INSERT INTO due (message_id, customer_id, due_at, visible_at, incarnation)
    SELECT id, customer, due_at, due_at, incarnation FROM planned
)
INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, created_at, incarnation)
SELECT id, customer, '+4915112345678',
       format('{"id":"msg_%%s","to":"+4915112345678","content":"%%s","metadata":{"campaign":"spring"}}',
              replace(id::text, '-', ''), %(content)s::text),
       due_at, now(), incarnation
  FROM planned
RETURNING 'msg_' || replace(id::text, '-', ''), extract(epoch FROM deliver_at)::float8, payload
