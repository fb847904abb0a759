-- Deletes one dead letter for good. One row if it was there.
DELETE FROM dead_letters WHERE message_id = %(id)s RETURNING message_id
