-- Counts the retries of each customer that are due, from the customer behind `after` on, up to `most` for each.
WITH RECURSIVE walk AS (
    SELECT 1 AS step, (SELECT customer_id FROM retries WHERE customer_id > %(after)s
                        ORDER BY customer_id LIMIT 1) AS customer_id
     UNION ALL
    SELECT walk.step + 1, (SELECT retries.customer_id FROM retries
                            WHERE retries.customer_id > walk.customer_id
                            ORDER BY retries.customer_id LIMIT 1)
      FROM walk
     WHERE walk.customer_id IS NOT NULL AND walk.step < %(steps)s
)
SELECT walk.customer_id, waiting.number
  FROM walk
 CROSS JOIN LATERAL (
       SELECT count(*)::integer AS number
         FROM (SELECT FROM retries
                WHERE (retries.customer_id, retries.next_attempt_at) >= (walk.customer_id, '-infinity')
                  AND (retries.customer_id, retries.next_attempt_at)
                      <= (walk.customer_id, statement_timestamp() + %(horizon)s)
                ORDER BY retries.customer_id, retries.next_attempt_at
                LIMIT %(most)s) AS found) AS waiting
 WHERE walk.customer_id IS NOT NULL
