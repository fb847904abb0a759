-- Reads a customer's signing keys that are valid now, the newest first.
SELECT valid_keys.id, sealed_key, valid_keys.created_at, expires_at, customers.incarnation
  FROM valid_keys
  JOIN customers ON customers.id = valid_keys.customer_id
 WHERE customer_id = %(customer_id)s
 ORDER BY valid_keys.id DESC
