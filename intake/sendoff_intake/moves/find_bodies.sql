-- Looks up which of these messages have a body, and which a dead letter to bring it back from; of one customer if given.
-- Says of each whether its customer was deleted, so that nobody is there to send it to.
SELECT wanted.id,
       EXISTS (SELECT FROM messages
                WHERE messages.id = wanted.id
                  AND (%(customer)s::text IS NULL OR messages.customer_id = %(customer)s AND messages.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), messages.incarnation))),
       EXISTS (SELECT FROM dead_letters
                WHERE dead_letters.message_id = wanted.id
                  AND (%(customer)s::text IS NULL OR dead_letters.customer_id = %(customer)s AND dead_letters.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), dead_letters.incarnation))),
       NOT EXISTS (SELECT FROM customers
                    WHERE customers.incarnation = coalesce(
                              (SELECT incarnation FROM messages WHERE messages.id = wanted.id),
                              (SELECT incarnation FROM dead_letters WHERE dead_letters.message_id = wanted.id)))
  FROM unnest(%(ids)s::uuid[]) AS wanted (id)
