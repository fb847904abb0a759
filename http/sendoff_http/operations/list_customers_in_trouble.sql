-- Which customers are in trouble: those whose breakers are open and those that are paused.
SELECT 'sendoff_breaker_open', customer_id
  FROM breakers
  JOIN customers ON customers.id = customer_id
 WHERE opened_at IS NOT NULL AND customers.breaker -> 'enabled' IS DISTINCT FROM 'false'
 UNION ALL
SELECT 'sendoff_customer_paused', scope FROM control_state WHERE scope <> 'global' AND desired = 'stopped'
 LIMIT 10000
