-- Lets a claim's transaction in, after every stop before it, whose state the next statement sees since it takes a newer
-- snapshot; a stop after it waits for it.
SELECT pg_advisory_xact_lock_shared(98881794)  -- the number stands in sendoff_control/take_claim_lock.sql, too
