-- Customers behind an id, in the order of their ids, with their pauses; those that are paused or not if it is asked for.
SELECT customers.id, name, webhook_url, headers, timeout_ms, connect_timeout_ms, retry, response_rule,
       rate, rate_period_ms, concurrency, breaker,
       pause.scope IS NOT NULL, pause.reason, pause.changed_at, breakers.opened_at, breakers.probe_at,
       version, created_at, updated_at
  FROM customers
  LEFT JOIN LATERAL (SELECT * FROM control_state WHERE scope = customers.id AND desired = 'stopped' OFFSET 0)
            AS pause ON true  -- one by one: a join would be planned as a walk over all customers
  LEFT JOIN LATERAL (SELECT * FROM breakers
                      WHERE breakers.customer_id = customers.id AND breakers.opened_at IS NOT NULL
                        AND customers.breaker -> 'enabled' IS DISTINCT FROM 'false' OFFSET 0) AS breakers ON true
 WHERE customers.id > %(after)s
   AND (%(paused)s::boolean IS NULL OR (pause.scope IS NOT NULL) = %(paused)s)
 ORDER BY customers.id
 LIMIT %(limit)s
