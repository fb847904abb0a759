-- Waits until the claims that have begun are through, and lets no other in before this transaction ends. A lock of the
-- kind that is given in the order of asking: on a row, claims that share it would let one another in and keep this out.
SELECT pg_advisory_xact_lock(98881794)  -- the number stands in sendoff_actors/claimer/share_claim_lock.sql, too
