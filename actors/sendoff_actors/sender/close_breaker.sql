-- Closes an open breaker and forgets what led to it; one row if this statement did it.
UPDATE breakers
   SET opened_at = NULL, probe_at = NULL, trips = 0, successes = 0, failures = 0, updated_at = now()
 WHERE customer_id = %(customer)s AND opened_at IS NOT NULL
RETURNING customer_id
