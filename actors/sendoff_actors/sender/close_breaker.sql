-- Closes an open breaker and forgets what led to it, and tells of it if events are recorded.
-- One row if this statement did it.
WITH closed AS (
    UPDATE breakers
       SET opened_at = NULL, probe_at = NULL, trips = 0, successes = 0, failures = 0, updated_at = now()
     WHERE customer_id = %(customer)s AND opened_at IS NOT NULL
 RETURNING customer_id
), told AS (
    INSERT INTO fleet_events (kind, customer_id, reason)
    SELECT 'breaker.closed', customer_id, 'a probe was delivered' FROM closed WHERE event_position() IS NOT NULL
)
SELECT customer_id FROM closed
