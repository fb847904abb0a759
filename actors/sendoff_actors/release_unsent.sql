-- Releases claimed messages that were not sent, as they were before the claim, if the claim still holds.
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
   SET holder = NULL, visible_at = due.due_at, token = due.token + 1
 WHERE due.message_id = ANY (ARRAY(SELECT message_id FROM held))
