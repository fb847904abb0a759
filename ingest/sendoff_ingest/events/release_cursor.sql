-- Ends the lease of a publisher that leaves.
UPDATE event_cursor SET holder = NULL, held_until = NULL WHERE holder = %(holder)s
