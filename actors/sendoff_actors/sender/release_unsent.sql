-- Gives messages back that were not sent, as they were before the claim; their tokens are worth nothing from here on.
UPDATE due
   SET holder = NULL, visible_at = due.due_at, token = due.token + 1
  FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS held (message_id, token)
 WHERE due.message_id = held.message_id AND due.token = held.token
