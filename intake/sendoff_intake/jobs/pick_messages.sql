-- Lists the next messages that fit a job's selection, wherever they are, dead letters that outlived their message
-- included; and where to go on if all of those looked at did not suffice.
WITH seen AS MATERIALIZED (
    SELECT id,
           (%(customer)s::text IS NULL OR customer_id = %(customer)s)
           AND (%(incarnation)s::bigint IS NULL OR found.incarnation = %(incarnation)s)
           AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
           AND (%(reference)s::text IS NULL OR reference = %(reference)s) AS fits
      FROM ((SELECT id, customer_id, incarnation, recipient, reference
               FROM messages
              WHERE id > %(reached)s AND id >= %(low)s AND id < %(high)s
              ORDER BY id
              LIMIT %(chunk)s)
            UNION
            (SELECT message_id, customer_id, incarnation, recipient, reference
               FROM dead_letters
              WHERE message_id > %(reached)s AND message_id >= %(low)s AND message_id < %(high)s
              ORDER BY message_id
              LIMIT %(chunk)s)) AS found
     ORDER BY id
     LIMIT %(chunk)s
)
(SELECT id, true FROM seen WHERE fits ORDER BY id LIMIT %(enough)s)
UNION ALL
SELECT max(id::text)::uuid, false FROM seen HAVING count(*) = %(chunk)s
