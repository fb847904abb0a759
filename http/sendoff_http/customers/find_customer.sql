-- One customer, with its pause if it has one: the stop of its own scope.
SELECT customers.id, name, webhook_url, headers, timeout_ms, connect_timeout_ms, retry, response_rule,
       rate, rate_period_ms, concurrency, breaker,
       pause.scope IS NOT NULL, pause.reason, pause.changed_at, breakers.opened_at, breakers.probe_at,
       version, created_at, updated_at
  FROM customers
  LEFT JOIN control_state AS pause ON pause.scope = customers.id AND pause.desired = 'stopped'
  LEFT JOIN breakers ON breakers.customer_id = customers.id AND breakers.opened_at IS NOT NULL
                    AND customers.breaker -> 'enabled' IS DISTINCT FROM 'false'
 WHERE customers.id = %(id)s
