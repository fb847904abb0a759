-- Lets a claim's transaction in if everything is running. It locks the state, so every stop waits for the claims before it
-- and is seen by those after it, whose next statement takes a newer snapshot.
SELECT FROM control_state WHERE scope = 'global' AND desired = 'running' FOR SHARE
