-- Lists the newest jobs that fit the filters; those that are null let everything through.
SELECT id, kind, state, selection, change, customer_id, rate, matched, done, skipped, rejected, pieces, error, requested_by,
       created_at, started_at, finished_at, body_hash
  FROM jobs
 WHERE (%(id)s::uuid IS NULL OR id = %(id)s)
   AND (%(before)s::uuid IS NULL OR id < %(before)s)
   AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))
   AND (%(state)s::text IS NULL OR state = %(state)s)
   AND (%(requested_by)s::text IS NULL OR requested_by = %(requested_by)s AND idempotency_key = %(idempotency_key)s)
   AND (%(customer)s::text IS NULL
        OR customer_id = %(customer)s
           AND jobs.incarnation = (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s))
 ORDER BY id DESC
 LIMIT %(limit)s
