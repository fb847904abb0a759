-- Lists a customer's messages that wait for their next attempt, the next one first.
SELECT retries.message_id, retries.next_attempt_at
  FROM retries
 WHERE retries.customer_id = %(customer)s
   AND retries.incarnation = coalesce((SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s),
                                      retries.incarnation)
   AND retries.next_attempt_at >= %(moment)s
   AND (retries.next_attempt_at, retries.message_id) > (%(moment)s, %(after)s)
 ORDER BY retries.next_attempt_at, retries.message_id
 LIMIT %(limit)s
