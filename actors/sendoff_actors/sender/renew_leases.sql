-- Prolongs the leases of messages that are still held under their tokens; returns those, and until when.
UPDATE due
   SET visible_at = clock_timestamp() + %(lease)s
  FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS held (message_id, token)
 WHERE due.message_id = held.message_id AND due.token = held.token
RETURNING replace(due.message_id::text, '-', ''), extract(epoch FROM due.visible_at)::float8
