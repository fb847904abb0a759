-- Lets one transaction at a time make a job.
SELECT pg_advisory_xact_lock(%(lock)s)
