-- Lists customers behind an id, in the order of their ids, with pauses and open breakers; if asked, only paused ones or
-- only those that are not, or only the one of a bound key.
SELECT to_jsonb(customers) AS columns, version, created_at, updated_at,
       pause.customer_id IS NOT NULL AS paused, pause.reason AS pause_reason, pause.paused_at,
       breaker.opened_at AS breaker_opened_at, breaker.probe_at AS next_probe_at
  FROM customers
  LEFT JOIN LATERAL (SELECT * FROM paused_customers WHERE paused_customers.customer_id = customers.id OFFSET 0)
            AS pause ON true  -- one by one: a join would be planned as a walk over all customers
  LEFT JOIN LATERAL (SELECT * FROM open_breakers WHERE open_breakers.customer_id = customers.id OFFSET 0)
            AS breaker ON true
 WHERE customers.id > %(after)s
   AND (%(only)s::text IS NULL OR customers.id = %(only)s)
   AND (%(paused)s::boolean IS NULL OR (pause.customer_id IS NOT NULL) = %(paused)s)
 ORDER BY customers.id
 LIMIT %(limit)s
