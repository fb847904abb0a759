-- Gives claimed messages back as they were; whoever still holds one of these tokens holds nothing any more.
UPDATE due
   SET holder = NULL, visible_at = due.due_at, token = due.token + 1
  FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS given (message_id, token)
 WHERE due.message_id = given.message_id AND due.token = given.token
