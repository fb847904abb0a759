-- Counts by customer the first batch_size due messages and the first batch_size retries that are due.
WITH earliest_due AS MATERIALIZED (
    SELECT customer_id, due_at FROM due  -- due_at, so that only the index in the order of time will do
     WHERE holder IS NULL AND visible_at <= statement_timestamp() + %(horizon)s
     ORDER BY visible_at
     LIMIT %(batch_size)s
), earliest_retries AS MATERIALIZED (
    SELECT customer_id, attempts FROM retries
     WHERE next_attempt_at <= statement_timestamp() + %(horizon)s
     ORDER BY next_attempt_at
     LIMIT %(batch_size)s
)
SELECT customer_id, sum(due)::integer, sum(retry)::integer
  FROM (SELECT customer_id, 1 AS due, 0 AS retry FROM earliest_due
         UNION ALL
        SELECT customer_id, 0, 1 FROM earliest_retries) AS waiting
 GROUP BY customer_id
