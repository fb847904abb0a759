-- Deletes dead letters that are older than their retention, a bounded number at a time. Returns one row per letter.
DELETE FROM dead_letters
 WHERE message_id IN (SELECT message_id FROM dead_letters
                       WHERE dead_at < statement_timestamp() - %(retention)s
                       ORDER BY dead_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
RETURNING message_id
