-- Finds the key with this digest if it may be used now, and notes that it was used, once a minute at most.
WITH found AS (
    SELECT id, scopes, customer_id, rate, last_used_at
      FROM api_keys
     WHERE digest = %(digest)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
), used AS (
    UPDATE api_keys
       SET last_used_at = now()
      FROM found
     WHERE api_keys.id = found.id
       AND (found.last_used_at IS NULL OR found.last_used_at < now() - interval '1 minute')
)
SELECT id, scopes, customer_id, rate FROM found
