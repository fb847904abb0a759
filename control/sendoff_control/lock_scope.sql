-- Locks the scope's row, made as running when it is new, and returns whether the command comes too late.
INSERT INTO control_state (scope, epoch, revision, desired)
VALUES (%(scope)s, (SELECT coalesce(max(epoch), 1) FROM control_state), 0, 'running')
    ON CONFLICT (scope) DO UPDATE SET revision = control_state.revision
RETURNING epoch, revision, desired,
          coalesce(clock_timestamp() > %(issued_at)s::timestamptz + %(ttl)s::interval, false)
          OR coalesce(clock_timestamp() > %(deadline)s::timestamptz, false)
