-- Lets all signing keys of a customer run out after the grace, unless they do so earlier; returns when each does.
UPDATE customer_secrets SET expires_at = least(expires_at, now() + %(grace)s) WHERE customer_id = %(customer_id)s
RETURNING id, expires_at
