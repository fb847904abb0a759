-- The next signing keys by id that do not begin with this header: that are sealed in another way than new ones are.
SELECT id, customer_id, sealed_key
  FROM customer_secrets
 WHERE id > %(after)s AND substring(sealed_key FOR length(%(header)s::bytea)) <> %(header)s::bytea
 ORDER BY id
 LIMIT %(limit)s
