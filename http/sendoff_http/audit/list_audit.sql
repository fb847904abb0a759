-- Lists what was done before a row of the audit, the latest first; filters that are null let everything through.
SELECT id, happened_at, actor, action, target, customer_id AS customer, request_id, details
  FROM audit
 WHERE (%(before)s::bigint IS NULL OR id < %(before)s)
   AND (%(actor)s::text IS NULL OR actor = %(actor)s)
   AND (%(action)s::text IS NULL OR action = %(action)s)
   AND (%(target)s::text IS NULL OR target = %(target)s)
   AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
   AND (%(bound)s::text IS NULL OR audit.incarnation = (SELECT incarnation FROM customers WHERE id = %(bound)s))
   AND (%(happened_after)s::timestamptz IS NULL OR happened_at >= %(happened_after)s)
   AND (%(happened_before)s::timestamptz IS NULL OR happened_at < %(happened_before)s)
 ORDER BY id DESC
 LIMIT %(limit)s
