-- Reads one dead letter with the history of its attempts, of one customer if it is given.
SELECT message_id, reference, customer_id, recipient, payload, deliver_at, expires_at, retry, created_at, dead_at,
       reason, attempts, generation, last_error, history
  FROM dead_letters
 WHERE message_id = %(id)s
   AND (%(customer)s::text IS NULL OR customer_id = %(customer)s AND dead_letters.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), dead_letters.incarnation))
