-- What holds these customers back at this moment. One whom nothing holds back gives no row.
SELECT customers.id, shut.now, breaker.is_open,
       coalesce(breakers.probe_at <= statement_timestamp(), false),
       customers.rate, customers.rate_period_ms,
       extract(epoch FROM greatest(rate_slots.next_slot_at, statement_timestamp()) - statement_timestamp())::float8,
       customers.concurrency
  FROM unnest(%(customers)s::text[]) AS asked (id)
  JOIN customers ON customers.id = asked.id
  LEFT JOIN breakers ON breakers.customer_id = customers.id
  LEFT JOIN rate_slots ON rate_slots.customer_id = customers.id
 CROSS JOIN LATERAL (
       SELECT EXISTS (SELECT FROM control_state WHERE scope = customers.id AND desired = 'stopped')
           OR EXISTS (SELECT FROM saturated_customers
                       WHERE saturated_customers.customer_id = customers.id AND saturated_customers.until > statement_timestamp()) AS now) AS shut
 CROSS JOIN LATERAL (
       SELECT breakers.opened_at IS NOT NULL
          AND customers.breaker -> 'enabled' IS DISTINCT FROM 'false' AS is_open) AS breaker
 WHERE shut.now OR breaker.is_open OR customers.rate IS NOT NULL OR customers.concurrency IS NOT NULL
