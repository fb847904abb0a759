-- Deletes these dead letters for good. Returns one row per letter, with its customer.
DELETE FROM dead_letters WHERE message_id = ANY(%(ids)s::uuid[]) RETURNING customer_id
