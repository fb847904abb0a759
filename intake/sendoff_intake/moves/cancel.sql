-- Moves messages that are not claimed to the cancellations, those of one customer if it is given. One row for each that
-- was moved.
WITH from_due AS (
    DELETE FROM due WHERE message_id = ANY(%(ids)s::uuid[]) AND holder IS NULL
       AND (%(customer)s::text IS NULL OR due.customer_id = %(customer)s AND due.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), due.incarnation))
 RETURNING message_id, customer_id, attempts, generation, token, incarnation
), from_retries AS (
    DELETE FROM retries
     WHERE message_id = ANY(%(ids)s::uuid[])
       AND (%(customer)s::text IS NULL OR retries.customer_id = %(customer)s AND retries.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), retries.incarnation))
 RETURNING message_id, customer_id, attempts, generation, token, incarnation
)
INSERT INTO cancellations (message_id, customer_id, attempts, generation, token, cancelled_at, incarnation)
SELECT message_id, customer_id, attempts, generation, token + 1, clock_timestamp(), incarnation FROM from_due
 UNION ALL
SELECT message_id, customer_id, attempts, generation, token + 1, clock_timestamp(), incarnation FROM from_retries
RETURNING message_id
