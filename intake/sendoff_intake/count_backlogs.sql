-- Counts what waits of these customers, to be claimed or for a retry, in each place up to a bound for each of them.
-- It reads each customer by index, whatever the statistics say of the others.
SELECT asked.customer_id,
       (SELECT count(*) FROM (SELECT FROM due
                               WHERE holder IS NULL
                                 AND (due.customer_id, due.visible_at) >= (asked.customer_id, '-infinity')
                                 AND (due.customer_id, due.visible_at) <= (asked.customer_id, 'infinity')
                               ORDER BY due.customer_id, due.visible_at
                               LIMIT asked.bound) AS waiting)
     + (SELECT count(*) FROM (SELECT FROM retries
                               WHERE (retries.customer_id, retries.next_attempt_at) >= (asked.customer_id, '-infinity')
                                 AND (retries.customer_id, retries.next_attempt_at) <= (asked.customer_id, 'infinity')
                               ORDER BY retries.customer_id, retries.next_attempt_at
                               LIMIT asked.bound) AS waiting)
  FROM unnest(%(customers)s::text[], %(bounds)s::bigint[]) WITH ORDINALITY
       AS asked (customer_id, bound, position)
 ORDER BY asked.position
