-- Lists the next dead letters that fit a job's selection, and where to go on if all of those looked at did not suffice.
WITH seen AS MATERIALIZED (
    SELECT message_id,
           dead_at <= %(made_at)s
           AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
           AND (%(incarnation)s::bigint IS NULL OR dead_letters.incarnation = %(incarnation)s)
           AND (NOT %(resendable)s
                OR EXISTS (SELECT FROM customers WHERE customers.incarnation = dead_letters.incarnation))
           AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
           AND (%(reference)s::text IS NULL OR reference = %(reference)s)
           AND (%(reason)s::text IS NULL OR reason = %(reason)s) AS fits
      FROM dead_letters
     WHERE message_id > %(reached)s AND message_id >= %(low)s AND message_id < %(high)s
     ORDER BY message_id
     LIMIT %(chunk)s
)
(SELECT message_id, true FROM seen WHERE fits ORDER BY message_id LIMIT %(enough)s)
UNION ALL
SELECT max(message_id::text)::uuid, false FROM seen HAVING count(*) = %(chunk)s
