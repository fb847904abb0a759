-- Renews the leases of claimed messages if the claim still holds; returns those, and until when.
-- coalesce, because IS NOT NULL would let the planner take the index of leases for that of the key.
WITH held AS MATERIALIZED (
    SELECT given.message_id
      FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS given (message_id, token)
     CROSS JOIN LATERAL (
           SELECT FROM due
            WHERE due.message_id = given.message_id AND due.token = given.token AND coalesce(due.holder, '') <> ''
              FOR UPDATE) AS claim
)
UPDATE due
   SET visible_at = clock_timestamp() + %(lease)s
 WHERE due.message_id = ANY (ARRAY(SELECT message_id FROM held))
RETURNING replace(due.message_id::text, '-', ''), due.token, extract(epoch FROM due.visible_at)::float8
