-- Finds the key with this id if it may be used now.
SELECT digest, scopes, customer_id, rate
  FROM api_keys
 WHERE id = %(id)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
