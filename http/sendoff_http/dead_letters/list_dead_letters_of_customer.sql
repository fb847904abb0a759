-- Lists the dead letters of a customer that match the other filters, newest first, by the index on it: without, those of
-- all others would be read past.
SELECT message_id, reference, customer_id, recipient, payload, deliver_at, expires_at, retry, created_at, dead_at,
       reason, attempts, generation, last_error
  FROM dead_letters
 WHERE customer_id = %(customer)s::text AND message_id >= %(low)s AND message_id < %(high)s
   AND dead_letters.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), dead_letters.incarnation)
   AND (%(reason)s::text IS NULL OR reason = %(reason)s)
 ORDER BY message_id DESC
 LIMIT %(limit)s
