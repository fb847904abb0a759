-- Waits until commands to start or stop that came before are committed, and lets none commit before this claim does.
-- The next statement takes a newer snapshot, so it sees what they decided.
SELECT pg_advisory_xact_lock_shared(%(lock)s)
