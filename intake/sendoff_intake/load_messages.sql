-- Loads the messages of these ids as they are now, newest first, dead letters that outlived their message included.
-- Filters that are null let everything through. The last failed attempt counts while the message has not been sent.
SELECT wanted.id AS message_id,
       coalesce(messages.reference, dead_letters.reference) AS reference,
       coalesce(messages.customer_id, dead_letters.customer_id) AS customer_id,
       coalesce(messages.recipient, dead_letters.recipient) AS recipient,
       coalesce(messages.payload, dead_letters.payload) AS payload,
       place.status,
       coalesce(messages.deliver_at, dead_letters.deliver_at) AS deliver_at,
       coalesce(messages.expires_at, dead_letters.expires_at) AS expires_at,
       coalesce(messages.retry, dead_letters.retry) AS retry,
       coalesce(messages.created_at, dead_letters.created_at) AS created_at,
       place.sent_at, place.attempts, place.generation, place.external_message_id, place.next_attempt_at,
       dead_letters.dead_at, dead_letters.reason, dead_letters.last_error,
       failed.error_class AS failed_class, failed.detail AS failed_detail, failed.status_code AS failed_status,
       failed.started_at AS failed_at
  FROM unnest(%(ids)s::uuid[]) AS wanted (id)
  JOIN message_status AS place ON place.id = wanted.id
  LEFT JOIN messages ON messages.id = wanted.id
  LEFT JOIN LATERAL (SELECT * FROM dead_letters WHERE dead_letters.message_id = wanted.id OFFSET 0)  -- one by one:
            AS dead_letters ON true  -- a join would be planned as a walk over all dead letters
  LEFT JOIN LATERAL (
           SELECT error_class, detail, status_code, started_at
             FROM attempts
            WHERE message_id = wanted.id AND generation = place.generation AND error_class IS NOT NULL
            ORDER BY started_at DESC
            LIMIT 1
       ) AS failed ON place.status IN ('sending', 'retrying', 'dead')
 WHERE (messages.id IS NOT NULL OR dead_letters.message_id IS NOT NULL)
   AND (%(status)s::text IS NULL OR place.status = %(status)s)
   AND (%(customer)s::text IS NULL OR place.customer_id = %(customer)s AND place.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), place.incarnation))
   AND (%(recipient)s::text IS NULL OR coalesce(messages.recipient, dead_letters.recipient) = %(recipient)s)
   AND (%(reference)s::text IS NULL OR coalesce(messages.reference, dead_letters.reference) = %(reference)s)
   AND (%(patterns)s::text[] IS NULL OR coalesce(messages.payload, dead_letters.payload) LIKE ALL (%(patterns)s::text[]))
   AND (%(sent_from)s::timestamptz IS NULL OR place.sent_at >= %(sent_from)s)
   AND (%(sent_until)s::timestamptz IS NULL OR place.sent_at < %(sent_until)s)
 ORDER BY wanted.id DESC
