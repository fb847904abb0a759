-- Opens a closed breaker, and tells of it if events are recorded; one row if this statement did it.
WITH opened AS (
    UPDATE breakers
       SET opened_at = now(), probe_at = now() + %(wait)s, trips = 0, successes = 0, failures = 0
     WHERE customer_id = %(customer)s AND opened_at IS NULL
 RETURNING customer_id
), told AS (
    INSERT INTO fleet_events (kind, customer_id, reason)
    SELECT 'breaker.opened', customer_id, 'so many requests failed' FROM opened WHERE event_position() IS NOT NULL
)
SELECT customer_id FROM opened
