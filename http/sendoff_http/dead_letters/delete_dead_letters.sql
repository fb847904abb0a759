-- Deletes these dead letters for good. Returns one row per letter, with its customer unless that was deleted.
DELETE FROM dead_letters WHERE message_id = ANY(%(ids)s::uuid[])
RETURNING (SELECT id FROM customers WHERE customers.incarnation = dead_letters.incarnation)
