-- Adds a key; one of a customer that does not exist violates the foreign key.
INSERT INTO api_keys (id, name, prefix, digest, scopes, customer_id, rate, created_by, expires_at)
VALUES (%(id)s, %(name)s, %(prefix)s, %(digest)s, %(scopes)s::text[], %(customer_id)s, %(rate)s, %(created_by)s,
        %(expires_at)s)
RETURNING id
