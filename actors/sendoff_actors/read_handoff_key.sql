-- Reads the key that hand-offs are authenticated with.
SELECT key FROM handoff_key
