-- Claims due messages for one lease, of each customer at most its quota, the earliest first.
-- Claims nothing while a stop is in force, of everything or of the customer.
-- Arrays come by subqueries, which hide their lengths: PostgreSQL would plan anew each time, for longer than it runs.
WITH picked AS MATERIALIZED (
    SELECT earliest.message_id
      FROM unnest((SELECT %(customers)s::text[]), (SELECT %(quotas)s::integer[])) AS wanted (customer_id, quota)
     CROSS JOIN LATERAL (
           SELECT due.message_id
             FROM due
            WHERE due.holder IS NULL
              -- Compared as rows, which only the customer's own index serves: a planner that takes most messages for
              -- this customer's would walk the index in the order of time, past those of all others.
              AND (due.customer_id, due.visible_at) >= (wanted.customer_id, '-infinity')
              AND (due.customer_id, due.visible_at)
                  <= (wanted.customer_id, statement_timestamp() + (SELECT %(horizon)s::interval))
            ORDER BY due.customer_id, due.visible_at
            LIMIT wanted.quota
              FOR UPDATE SKIP LOCKED) AS earliest
     WHERE EXISTS (SELECT FROM control_state running WHERE running.scope = 'global' AND running.desired = 'running')
       -- Counted, because NOT EXISTS can be planned as a join with all pauses.
       AND (SELECT count(*) FROM paused_customers WHERE paused_customers.customer_id = wanted.customer_id) = 0
), claimed AS (
    UPDATE due
       SET token = claim_token(due.token), holder = %(holder)s, visible_at = clock_timestamp() + %(lease)s,
           limited = due.customer_id = ANY ((SELECT %(limited)s::text[])::text[])
     WHERE due.message_id = ANY (ARRAY(SELECT message_id FROM picked))
 RETURNING due.*
)
SELECT replace(claimed.message_id::text, '-', ''), claimed.customer_id, claimed.incarnation,
       extract(epoch FROM claimed.due_at)::float8, extract(epoch FROM body.expires_at)::float8, claimed.attempts, claimed.generation, claimed.token,
       body.payload, body.retry::text, body.trace, extract(epoch FROM claimed.visible_at)::float8
  FROM claimed
 CROSS JOIN LATERAL (
       SELECT expires_at, payload, retry, trace FROM messages WHERE messages.id = claimed.message_id
       OFFSET 0) AS body  -- not flattened into a join, which statistics of a hot table would plan badly
