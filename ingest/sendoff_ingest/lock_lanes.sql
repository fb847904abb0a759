-- Lets no other process change the lanes of the ingest until the transaction ends; waits at most `patience` for one.
SELECT set_config('lock_timeout', %(patience)s, true), pg_advisory_xact_lock(%(lock)s)
