-- Loads the customers of these incarnations, whether their breakers are open, and the keys that are valid now, the newest first.
-- Says with each of them whether there are several customers.
SELECT (SELECT count(*) FROM (SELECT FROM customers LIMIT 2) AS two) > 1 AS has_many,
       to_jsonb(customers) AS columns,
       EXISTS (SELECT FROM open_breakers WHERE open_breakers.customer_id = customers.id) AS breaker_open,
       ARRAY(SELECT sealed_key FROM valid_keys WHERE valid_keys.customer_id = customers.id ORDER BY id DESC)
           AS sealed_keys,
       ARRAY(SELECT id FROM valid_keys WHERE valid_keys.customer_id = customers.id ORDER BY id DESC) AS key_ids,
       ARRAY(SELECT created_at FROM valid_keys WHERE valid_keys.customer_id = customers.id ORDER BY id DESC)
           AS key_starts,
       ARRAY(SELECT expires_at FROM valid_keys WHERE valid_keys.customer_id = customers.id ORDER BY id DESC)
           AS key_ends
  FROM customers
 WHERE customers.incarnation = ANY(%(incarnations)s::bigint[])
