-- Gives a locked scope its next revision, and tells of it if events are recorded.
WITH changed AS (
    UPDATE control_state
       SET revision = %(revision)s, desired = %(desired)s, command_id = %(command_id)s,
           changed_by = coalesce(%(requested_by)s, %(origin)s), reason = %(reason)s, changed_at = clock_timestamp()
     WHERE scope = %(scope)s
 RETURNING nullif(scope, 'global') AS customer_id, desired = 'stopped' AS stopped, changed_at, reason, revision
)
INSERT INTO fleet_events (kind, customer_id, happened_at, reason, actor, requested_by, revision)
SELECT CASE WHEN customer_id IS NULL THEN CASE WHEN stopped THEN 'fleet.stopped' ELSE 'fleet.started' END
            ELSE CASE WHEN stopped THEN 'customer.paused' ELSE 'customer.resumed' END END,
       customer_id, changed_at, reason, %(actor)s::text, %(requested_by)s::text, revision
  FROM changed
 WHERE event_position() IS NOT NULL
