-- These customers, whether their breakers are open, and the keys that are valid now, the newest first. In front of all
-- whether there are several customers.
SELECT (SELECT count(*) FROM (SELECT FROM customers LIMIT 2) AS two) > 1,
       customers.id, webhook_url, timeout_ms, connect_timeout_ms, retry, headers, response_rule, breaker,
       concurrency IS NOT NULL,
       breaker -> 'enabled' IS DISTINCT FROM 'false'
           AND EXISTS (SELECT FROM breakers WHERE customer_id = customers.id AND opened_at IS NOT NULL),
       ARRAY(SELECT sealed_key FROM customer_secrets
              WHERE customer_id = customers.id AND (expires_at IS NULL OR expires_at > now())
              ORDER BY id DESC)
  FROM customers
 WHERE customers.id = ANY(%(ids)s)
