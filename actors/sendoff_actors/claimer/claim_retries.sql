-- Claims retries that are due for one lease and moves them to due, of each customer at most its quota, the
-- earliest first. Claims nothing while a stop is in force, of everything or of the customer.
-- Arrays come by subqueries, which hide their lengths: PostgreSQL would plan anew each time, for longer than it runs.
WITH picked AS MATERIALIZED (
    SELECT earliest.message_id
      FROM unnest((SELECT %(customers)s::text[]), (SELECT %(quotas)s::integer[])) AS wanted (customer_id, quota)
     CROSS JOIN LATERAL (
           SELECT retries.message_id
             FROM retries
            WHERE (retries.customer_id, retries.next_attempt_at) >= (wanted.customer_id, '-infinity')
              AND (retries.customer_id, retries.next_attempt_at)
                  <= (wanted.customer_id, statement_timestamp() + (SELECT %(horizon)s::interval))
            ORDER BY retries.customer_id, retries.next_attempt_at
            LIMIT wanted.quota
              FOR UPDATE SKIP LOCKED) AS earliest
     WHERE EXISTS (SELECT FROM control_state running WHERE running.scope = 'global' AND running.desired = 'running')
       -- Counted, because NOT EXISTS can be planned as a join with all pauses.
       AND (SELECT count(*) FROM paused_customers WHERE paused_customers.customer_id = wanted.customer_id) = 0
), gone AS (
    DELETE FROM retries WHERE retries.message_id = ANY (ARRAY(SELECT message_id FROM picked)) RETURNING retries.*
), claimed AS (
    INSERT INTO due (message_id, customer_id, due_at, visible_at, attempts, generation, token, holder, limited,
                     incarnation)
    SELECT message_id, customer_id, next_attempt_at, clock_timestamp() + %(lease)s, attempts, generation,
           claim_token(token), %(holder)s, customer_id = ANY ((SELECT %(limited)s::text[])::text[]), incarnation
      FROM gone
 RETURNING due.*
)
SELECT replace(claimed.message_id::text, '-', ''), claimed.customer_id, claimed.incarnation,
       extract(epoch FROM claimed.due_at)::float8, extract(epoch FROM body.expires_at)::float8, claimed.attempts, claimed.generation, claimed.token,
       body.payload, body.retry::text, body.trace, extract(epoch FROM claimed.visible_at)::float8
  FROM claimed
 CROSS JOIN LATERAL (
       SELECT expires_at, payload, retry, trace FROM messages WHERE messages.id = claimed.message_id
       OFFSET 0) AS body  -- not flattened into a join, which statistics of a hot table would plan badly
