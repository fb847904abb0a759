-- Moves the next attempt of a message that is not claimed, unless it would come after its expiry.
-- One row if it was moved.
WITH target AS (
    SELECT messages.id, wanted.deliver_at
      FROM messages,
           (SELECT greatest(coalesce(%(deliver_at)s::timestamptz, now() + %(delay)s::interval), now()) AS deliver_at)
               AS wanted
     WHERE messages.id = %(id)s AND (messages.expires_at IS NULL OR messages.expires_at > wanted.deliver_at)
       AND (%(customer)s::text IS NULL OR messages.customer_id = %(customer)s AND messages.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), messages.incarnation))
), moved AS (
    UPDATE due
       SET due_at = target.deliver_at, visible_at = target.deliver_at, token = due.token + 1
      FROM target
     WHERE due.message_id = target.id AND due.holder IS NULL
 RETURNING due.message_id
), moved_retry AS (
    UPDATE retries
       SET next_attempt_at = target.deliver_at, token = retries.token + 1
      FROM target
     WHERE retries.message_id = target.id
 RETURNING retries.message_id
)
UPDATE messages
   SET deliver_at = target.deliver_at
  FROM target
 WHERE messages.id = target.id
   AND messages.id IN (SELECT message_id FROM moved UNION ALL SELECT message_id FROM moved_retry)
RETURNING messages.deliver_at
