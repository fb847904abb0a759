-- Locks those of these messages that wait in retries, in the order of their ids, until the transaction ends.
SELECT FROM retries WHERE message_id = ANY(%(ids)s::uuid[]) ORDER BY message_id FOR UPDATE
