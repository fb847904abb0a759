-- Looks up which of these messages have a body, and which a dead letter to bring it back from; of one customer if given.
SELECT wanted.id,
       EXISTS (SELECT FROM messages
                WHERE messages.id = wanted.id
                  AND (%(customer)s::text IS NULL OR messages.customer_id = %(customer)s)),
       EXISTS (SELECT FROM dead_letters
                WHERE dead_letters.message_id = wanted.id
                  AND (%(customer)s::text IS NULL OR dead_letters.customer_id = %(customer)s))
  FROM unnest(%(ids)s::uuid[]) AS wanted (id)
