-- Lists the dead letters of a reference that match the other filters, newest first, by the index on it.
SELECT message_id, reference, customer_id, recipient, payload, deliver_at, expires_at, retry, created_at, dead_at,
       reason, attempts, generation, last_error
  FROM dead_letters
 WHERE (reference, message_id) >= (%(reference)s::text, %(low)s::uuid)
   AND (reference, message_id) <= (%(reference)s::text, %(high)s::uuid) AND message_id <> %(high)s
   AND reference IS NOT NULL
   AND (%(customer)s::text IS NULL OR customer_id = %(customer)s AND dead_letters.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), dead_letters.incarnation))
   AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
   AND (%(reason)s::text IS NULL OR reason = %(reason)s)
 ORDER BY reference DESC, message_id DESC
 LIMIT %(limit)s
