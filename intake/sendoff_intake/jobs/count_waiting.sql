-- Counts the messages that wait, unclaimed, and fit a selection.
SELECT count(*)
  FROM (SELECT message_id, customer_id, incarnation, attempts > 0 AS retrying FROM due WHERE holder IS NULL
         UNION ALL
        SELECT message_id, customer_id, incarnation, true FROM retries) AS waiting
 WHERE message_id >= %(low)s AND message_id < %(high)s
   AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
   AND (%(incarnation)s::bigint IS NULL OR waiting.incarnation = %(incarnation)s)
   AND (%(retrying)s::boolean IS NULL OR retrying = %(retrying)s)
   AND (%(recipient)s::text IS NULL AND %(reference)s::text IS NULL
        OR EXISTS (SELECT FROM messages WHERE messages.id = message_id
                          AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
                          AND (%(reference)s::text IS NULL OR reference = %(reference)s)))
