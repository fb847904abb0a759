-- Lists customers in trouble, the latest first: their breaker is open, or they are paused.
SELECT customer_id AS id, 'breaker' AS trouble, opened_at AS since, probe_at AS until, NULL::text AS reason
  FROM open_breakers
 UNION ALL
SELECT customer_id, 'pause', paused_at, NULL, reason
  FROM paused_customers
 ORDER BY since DESC
 LIMIT %(limit)s
