-- Waits until the claims that have begun are committed, and lets no other begin before this transaction ends.
-- An advisory lock is given in the order of asking; claims that share the lock of a row would go on past this one.
-- The transaction waits for each lock at most `patience`, and for its own client at most `idle`.
SELECT set_config('lock_timeout', %(patience)s, true), set_config('idle_in_transaction_session_timeout', %(idle)s, true),
       pg_advisory_xact_lock(%(lock)s)
