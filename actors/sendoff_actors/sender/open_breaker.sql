-- Opens a closed breaker; one row if this statement did it.
UPDATE breakers
   SET opened_at = now(), probe_at = now() + %(wait)s, trips = 0, successes = 0, failures = 0
 WHERE customer_id = %(customer)s AND opened_at IS NULL
RETURNING customer_id
