-- Holds off the retention until the end of the transaction, so that no body goes while its message comes back to life.
SELECT pg_advisory_xact_lock_shared(%(lock)s)
