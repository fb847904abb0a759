-- Of these messages: the id, whether the body is there, and the id's own moment of creation.
SELECT wanted.id,
       EXISTS (SELECT FROM messages WHERE messages.id = wanted.id),
       EXISTS (SELECT FROM dead_letters WHERE dead_letters.message_id = wanted.id)
  FROM unnest(%(ids)s::uuid[]) AS wanted (id)
