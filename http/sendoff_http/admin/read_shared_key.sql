-- Reads the key that all processes of the fleet share.
SELECT key FROM handoff_key
