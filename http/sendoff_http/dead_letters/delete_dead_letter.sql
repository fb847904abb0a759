-- Deletes one dead letter for good, of one customer if it is given. One row with its customer if it was there.
DELETE FROM dead_letters
 WHERE message_id = %(id)s AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
RETURNING customer_id
