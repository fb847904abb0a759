-- Counts the messages that fit a selection, wherever they are, up to a bound.
SELECT count(*)
  FROM (SELECT id
          FROM messages
         WHERE id >= %(low)s AND id < %(high)s
           AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
           AND (%(incarnation)s::bigint IS NULL OR messages.incarnation = %(incarnation)s)
           AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
           AND (%(reference)s::text IS NULL OR reference = %(reference)s)
         UNION
        SELECT message_id
          FROM dead_letters
         WHERE message_id >= %(low)s AND message_id < %(high)s
           AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
           AND (%(incarnation)s::bigint IS NULL OR dead_letters.incarnation = %(incarnation)s)
           AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
           AND (%(reference)s::text IS NULL OR reference = %(reference)s)
         LIMIT %(most)s) AS found
