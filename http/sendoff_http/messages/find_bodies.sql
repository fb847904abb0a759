-- Looks up which of these messages have a body, and which a dead letter to bring it back from.
SELECT wanted.id,
       EXISTS (SELECT FROM messages WHERE messages.id = wanted.id),
       EXISTS (SELECT FROM dead_letters WHERE dead_letters.message_id = wanted.id)
  FROM unnest(%(ids)s::uuid[]) AS wanted (id)
