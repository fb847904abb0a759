-- Reads the next signing keys by id that do not begin with this header: that are stored in another way than new ones.
SELECT id, customer_id, sealed_key
  FROM customer_secrets
 WHERE id > %(after)s AND substring(sealed_key FOR length(%(header)s::bytea)) <> %(header)s::bytea
 ORDER BY id
 LIMIT %(limit)s
