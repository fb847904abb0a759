-- Claims up to batch_size due messages for one lease, none while a stop is in force, of everything or of the customer.
WITH picked AS MATERIALIZED (
    SELECT due.message_id
      FROM due
     WHERE due.visible_at <= statement_timestamp() + %(horizon)s
       AND (due.holder IS NULL OR due.visible_at <= statement_timestamp())
       AND EXISTS (SELECT FROM control_state running WHERE running.scope = 'global' AND running.desired = 'running')
       AND NOT EXISTS (SELECT FROM control_state stopped
                        WHERE stopped.scope = due.customer_id AND stopped.desired = 'stopped')
     ORDER BY due.visible_at
     LIMIT %(batch_size)s
       FOR UPDATE OF due SKIP LOCKED
), claimed AS (
    UPDATE due
       SET token = due.token + 1, holder = %(holder)s, visible_at = clock_timestamp() + %(lease)s
     WHERE due.message_id = ANY (ARRAY(SELECT message_id FROM picked))
 RETURNING due.*
)
SELECT claimed.message_id, claimed.customer_id, extract(epoch FROM claimed.due_at)::float8,
       extract(epoch FROM body.expires_at)::float8, claimed.attempt, claimed.generation, claimed.token,
       body.payload, body.retry::text, extract(epoch FROM claimed.visible_at)::float8
  FROM claimed
 CROSS JOIN LATERAL (
       SELECT expires_at, payload, retry FROM messages WHERE messages.id = claimed.message_id
       OFFSET 0) AS body  -- not flattened into a join, which statistics of a hot table would plan badly
