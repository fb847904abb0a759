-- Lists messages to one recipient, of a reference, or whose payloads have these texts, among a customer's newest of an id
-- range, and where to go on if more follow.
WITH seen AS MATERIALIZED (
    SELECT id, coalesce(recipient = %(recipient)s::text, true)
               AND coalesce(payload LIKE ALL (%(patterns)s::text[]), true)
               AND (%(reference)s::text IS NULL OR reference = %(reference)s) AS fits
      FROM messages
     WHERE customer_id = %(customer)s
   AND messages.incarnation = coalesce((SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s),
                                       messages.incarnation)
   AND id >= %(low)s AND id < %(high)s
     ORDER BY id DESC
     LIMIT %(chunk)s
)
(SELECT id, true FROM seen WHERE fits ORDER BY id DESC LIMIT %(enough)s)
UNION ALL
SELECT min(id::text)::uuid, false FROM seen HAVING count(*) = %(chunk)s
