-- Reads the next signing keys by id that do not begin with this header: that are stored in another way than new ones.
SELECT secret.customer_id, secret.id, sealed_key, secret.created_at, expires_at, customers.incarnation
  FROM customer_secrets AS secret
  JOIN customers ON customers.id = secret.customer_id
 WHERE secret.id > %(after)s AND substring(sealed_key FOR length(%(header)s::bytea)) <> %(header)s::bytea
 ORDER BY secret.id
 LIMIT %(limit)s
