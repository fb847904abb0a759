-- Lists messages to one recipient among the newest of an id range, and where to go on if more follow.
-- No index leads from a recipient to its messages: it would double the cost of accepting (docs/adr/0006).
WITH seen AS MATERIALIZED (
    SELECT id, recipient
      FROM messages
     WHERE id >= %(low)s AND id < %(high)s
     ORDER BY id DESC
     LIMIT %(chunk)s
)
(SELECT id, true FROM seen WHERE recipient = %(recipient)s ORDER BY id DESC LIMIT %(enough)s)
UNION ALL
SELECT min(id::text)::uuid, false FROM seen HAVING count(*) = %(chunk)s
