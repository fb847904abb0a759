-- Reads the references of messages and their payloads, but none that is larger than `limit` bytes; a dead letter outlives
-- its message.
SELECT id, CASE WHEN octet_length(payload) <= %(limit)s THEN payload END, reference
  FROM messages
 WHERE id = ANY(%(ids)s::uuid[])
 UNION ALL
SELECT message_id, CASE WHEN octet_length(payload) <= %(limit)s THEN payload END, reference
  FROM dead_letters
 WHERE message_id = ANY(%(ids)s::uuid[])
