-- Reads what limits these customers now: whether they are blocked or their breaker is open, their rate, their concurrency.
-- A customer without a limit gives no row.
-- Arrays come by subqueries, which hide their lengths: PostgreSQL would plan anew each time, for longer than it runs.
SELECT customers.id, blocked.now, open_breaker.customer_id IS NOT NULL,
       coalesce(open_breaker.probe_at <= statement_timestamp(), false),
       customers.rate, customers.rate_period_ms,
       extract(epoch FROM greatest(rate_slots.next_slot_at, statement_timestamp()) - statement_timestamp())::float8,
       customers.concurrency
  FROM unnest((SELECT %(customers)s::text[])) AS asked (id)
  JOIN customers ON customers.id = asked.id
  LEFT JOIN rate_slots ON rate_slots.customer_id = customers.id
  LEFT JOIN LATERAL (SELECT customer_id, probe_at FROM open_breakers WHERE customer_id = customers.id OFFSET 0)
            AS open_breaker ON true  -- one by one: a join could be planned as a walk over all customers
 CROSS JOIN LATERAL (
       SELECT EXISTS (SELECT FROM paused_customers WHERE paused_customers.customer_id = customers.id)
           OR EXISTS (SELECT FROM saturated_customers
                       WHERE saturated_customers.customer_id = customers.id
                         AND saturated_customers.until > statement_timestamp()) AS now
       OFFSET 0) AS blocked
 WHERE blocked.now OR open_breaker.customer_id IS NOT NULL OR customers.rate IS NOT NULL
    OR customers.concurrency IS NOT NULL
