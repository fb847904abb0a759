-- Moves the next attempts of messages that are not claimed, each unless it would come after its expiry: to a moment,
-- by a delay from now on, or by a shift from when it was due. One row for each that was moved.
WITH target AS (
    SELECT messages.id, greatest(coalesce(%(deliver_at)s::timestamptz, now() + %(delay)s::interval,
                                          coalesce(due.due_at, retries.next_attempt_at) + %(shift)s::interval),
                                 now()) AS deliver_at
      FROM messages
      LEFT JOIN due ON due.message_id = messages.id
      LEFT JOIN retries ON retries.message_id = messages.id
     WHERE messages.id = ANY(%(ids)s::uuid[]) AND (due.message_id IS NOT NULL OR retries.message_id IS NOT NULL)
       AND (%(customer)s::text IS NULL OR messages.customer_id = %(customer)s AND messages.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), messages.incarnation))
), wanted AS (
    SELECT target.id, target.deliver_at
      FROM target
      JOIN messages ON messages.id = target.id
     WHERE messages.expires_at IS NULL OR messages.expires_at > target.deliver_at
), moved AS (
    UPDATE due
       SET due_at = wanted.deliver_at, visible_at = wanted.deliver_at, token = due.token + 1
      FROM wanted
     WHERE due.message_id = wanted.id AND due.holder IS NULL
 RETURNING due.message_id
), moved_retry AS (
    UPDATE retries
       SET next_attempt_at = wanted.deliver_at, token = retries.token + 1
      FROM wanted
     WHERE retries.message_id = wanted.id
 RETURNING retries.message_id
)
UPDATE messages
   SET deliver_at = wanted.deliver_at
  FROM wanted
 WHERE messages.id = wanted.id
   AND messages.id IN (SELECT message_id FROM moved UNION ALL SELECT message_id FROM moved_retry)
RETURNING messages.id
