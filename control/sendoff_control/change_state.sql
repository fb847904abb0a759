-- Gives a locked scope its next revision.
UPDATE control_state
   SET revision = %(revision)s, desired = %(desired)s, command_id = %(command_id)s,
       changed_by = coalesce(%(requested_by)s, %(origin)s), reason = %(reason)s, changed_at = clock_timestamp()
 WHERE scope = %(scope)s
