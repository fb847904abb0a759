-- Prolongs the leases of messages that are still held under their tokens; returns those, and until when.
UPDATE due
   SET visible_at = clock_timestamp() + %(lease)s
  FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS held (message_id, token)
 WHERE due.message_id = held.message_id AND due.token = held.token
RETURNING due.message_id, extract(epoch FROM due.visible_at)::float8
