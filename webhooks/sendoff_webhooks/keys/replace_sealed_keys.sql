-- Stores signing keys sealed anew; one that was changed or deleted meanwhile is left as it is. Returns their ids.
UPDATE customer_secrets
   SET sealed_key = given.new
  FROM unnest(%(ids)s::bigint[], %(old)s::bytea[], %(new)s::bytea[]) AS given (id, old, new)
 WHERE customer_secrets.id = given.id AND customer_secrets.sealed_key = given.old
RETURNING customer_secrets.id
