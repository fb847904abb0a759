-- Reads a customer's signing keys that are valid now, the newest first.
SELECT id, sealed_key, created_at, expires_at
  FROM valid_keys
 WHERE customer_id = %(customer_id)s
 ORDER BY id DESC
