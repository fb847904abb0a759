-- Reads one customer, with its pause and its open breaker if it has them.
SELECT to_jsonb(customers) AS columns, version, created_at, updated_at,
       pause.customer_id IS NOT NULL AS paused, pause.reason AS pause_reason, pause.paused_at,
       breaker.opened_at AS breaker_opened_at, breaker.probe_at AS next_probe_at
  FROM customers
  LEFT JOIN paused_customers AS pause ON pause.customer_id = customers.id
  LEFT JOIN open_breakers AS breaker ON breaker.customer_id = customers.id
 WHERE customers.id = %(id)s
