-- Locks the scope's row, made as running when it is new, and returns whether the command comes too late.
-- Gives no row for a scope that is neither global nor a customer: nothing would ever take its state away.
INSERT INTO control_state (scope, epoch, revision, desired)
SELECT %(scope)s::text, (SELECT coalesce(max(epoch), 1) FROM control_state), 0, 'running'
 WHERE %(scope)s::text = 'global' OR EXISTS (SELECT FROM customers WHERE id = %(scope)s::text)
    ON CONFLICT (scope) DO UPDATE SET revision = control_state.revision
RETURNING epoch, revision, desired,
          coalesce(clock_timestamp() > %(issued_at)s::timestamptz + %(ttl)s::interval, false)
          OR coalesce(clock_timestamp() > %(deadline)s::timestamptz, false)
