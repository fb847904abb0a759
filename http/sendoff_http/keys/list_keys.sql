-- Lists keys, the newest first: those before an id, or the one with an id; filters that are null let everything through.
SELECT id, name, prefix, scopes, customer_id AS customer, rate, created_at, created_by, expires_at, revoked_at,
       last_used_at
  FROM api_keys
 WHERE (%(id)s::text IS NULL OR id = %(id)s)
   AND (%(before)s::text IS NULL OR id < %(before)s)
   AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
 ORDER BY id DESC
 LIMIT %(limit)s
