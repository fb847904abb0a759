-- Lists the next messages that wait, unclaimed, and fit a job's selection, and where to go on if all of those looked at
-- did not suffice.
WITH seen AS MATERIALIZED (
    SELECT message_id,
           (%(customer)s::text IS NULL OR customer_id = %(customer)s)
           AND (%(incarnation)s::bigint IS NULL OR waiting.incarnation = %(incarnation)s)
           AND (%(retrying)s::boolean IS NULL OR retrying = %(retrying)s)
           AND (%(recipient)s::text IS NULL AND %(reference)s::text IS NULL
                OR EXISTS (SELECT FROM messages WHERE messages.id = message_id
                          AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
                          AND (%(reference)s::text IS NULL OR reference = %(reference)s))) AS fits
      FROM ((SELECT message_id, customer_id, incarnation, attempts > 0 AS retrying
               FROM due
              WHERE message_id > %(reached)s AND message_id >= %(low)s AND message_id < %(high)s AND holder IS NULL
              ORDER BY message_id
              LIMIT %(chunk)s)
            UNION ALL
            (SELECT message_id, customer_id, incarnation, true
               FROM retries
              WHERE message_id > %(reached)s AND message_id >= %(low)s AND message_id < %(high)s
              ORDER BY message_id
              LIMIT %(chunk)s)) AS waiting
     ORDER BY message_id
     LIMIT %(chunk)s
)
(SELECT message_id, true FROM seen WHERE fits ORDER BY message_id LIMIT %(enough)s)
UNION ALL
SELECT max(message_id::text)::uuid, false FROM seen HAVING count(*) = %(chunk)s
