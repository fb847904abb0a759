-- Reads the payloads of messages, but of none that is larger than `limit` bytes; that of a dead letter outlives its message.
SELECT id, payload
  FROM messages
 WHERE id = ANY(%(ids)s::uuid[]) AND octet_length(payload) <= %(limit)s
 UNION ALL
SELECT message_id, payload
  FROM dead_letters
 WHERE message_id = ANY(%(ids)s::uuid[]) AND octet_length(payload) <= %(limit)s
