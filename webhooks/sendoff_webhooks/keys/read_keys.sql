-- A customer's signing keys that are valid now, the newest first.
SELECT id, sealed_key, created_at, expires_at
  FROM customer_secrets
 WHERE customer_id = %(customer_id)s AND (expires_at IS NULL OR expires_at > now())
 ORDER BY id DESC
