-- Lists messages to one recipient, or whose payloads have these texts, among the newest of an id range, and where to go
-- on if more follow.
-- No index leads to them: that on the recipient would double the cost of accepting (docs/adr/0006).
WITH seen AS MATERIALIZED (
    SELECT id, coalesce(recipient = %(recipient)s::text, true)
               AND coalesce(payload LIKE ALL (%(patterns)s::text[]), true) AS fits
      FROM messages
     WHERE id >= %(low)s AND id < %(high)s
     ORDER BY id DESC
     LIMIT %(chunk)s
)
(SELECT id, true FROM seen WHERE fits ORDER BY id DESC LIMIT %(enough)s)
UNION ALL
SELECT min(id::text)::uuid, false FROM seen HAVING count(*) = %(chunk)s
