-- Deletes these dead letters for good. Returns one row per letter.
DELETE FROM dead_letters WHERE message_id = ANY(%(ids)s::uuid[]) RETURNING message_id
