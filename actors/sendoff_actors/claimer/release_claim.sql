-- Gives claimed messages back as they were; whoever still holds one of these tokens holds nothing any more.
WITH held AS MATERIALIZED (
    SELECT given.message_id
      FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS given (message_id, token)
     CROSS JOIN LATERAL (
           SELECT FROM due WHERE due.message_id = given.message_id AND due.token = given.token FOR UPDATE) AS claim
)
UPDATE due
   SET holder = NULL, visible_at = due.due_at, token = due.token + 1
 WHERE due.message_id = ANY (ARRAY(SELECT message_id FROM held))
