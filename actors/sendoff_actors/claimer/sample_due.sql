-- Whose messages the first batch_size that are due belong to, and the first batch_size retries that are ripe: of each
-- customer so many first attempts and so many retries.
WITH head AS MATERIALIZED (
    SELECT customer_id, due_at FROM due  -- due_at, so that only the index in the order of time will do
     WHERE holder IS NULL AND visible_at <= statement_timestamp() + %(horizon)s
     ORDER BY visible_at
     LIMIT %(batch_size)s
), ripe AS MATERIALIZED (
    SELECT customer_id, attempts FROM retries
     WHERE next_attempt_at <= statement_timestamp() + %(horizon)s
     ORDER BY next_attempt_at
     LIMIT %(batch_size)s
)
SELECT customer_id, sum(first)::integer, sum(again)::integer
  FROM (SELECT customer_id, 1 AS first, 0 AS again FROM head
         UNION ALL
        SELECT customer_id, 0, 1 FROM ripe) AS waiting
 GROUP BY customer_id
