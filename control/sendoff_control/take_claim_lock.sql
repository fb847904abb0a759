-- Waits until the claims that have begun are committed, and lets no other begin before this transaction ends.
-- An advisory lock is given in the order of asking; claims that share the lock of a row would go on past this one.
SELECT pg_advisory_xact_lock(%(lock)s)
