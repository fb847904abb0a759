-- Reads the times at which these messages were to be delivered when they were accepted; unknown ids are left out.
SELECT id, deliver_at FROM messages WHERE id = ANY(%(ids)s::uuid[])
