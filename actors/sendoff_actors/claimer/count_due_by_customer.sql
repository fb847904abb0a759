-- Counts the due messages of each customer, from the customer behind `after` on, up to `most` for each.
-- It steps from one customer to the next by index, so that it costs the same whatever backlog each of them has.
WITH RECURSIVE walk AS (
    SELECT 1 AS step, (SELECT customer_id FROM due WHERE holder IS NULL AND customer_id > %(after)s
                        ORDER BY customer_id LIMIT 1) AS customer_id
     UNION ALL
    SELECT walk.step + 1, (SELECT due.customer_id FROM due
                            WHERE due.holder IS NULL AND due.customer_id > walk.customer_id
                            ORDER BY due.customer_id LIMIT 1)
      FROM walk
     WHERE walk.customer_id IS NOT NULL AND walk.step < %(steps)s
)
SELECT walk.customer_id, waiting.number
  FROM walk
 CROSS JOIN LATERAL (
       SELECT count(*)::integer AS number
         FROM (SELECT FROM due
                WHERE due.holder IS NULL
                  AND (due.customer_id, due.visible_at) >= (walk.customer_id, '-infinity')
                  AND (due.customer_id, due.visible_at) <= (walk.customer_id, statement_timestamp() + %(horizon)s)
                ORDER BY due.customer_id, due.visible_at
                LIMIT %(most)s) AS found) AS waiting
 WHERE walk.customer_id IS NOT NULL
