-- Keeps the retention from dropping partitions until the transaction ends, so that no body goes while it is resent.
SELECT pg_advisory_xact_lock_shared(%(lock)s)
