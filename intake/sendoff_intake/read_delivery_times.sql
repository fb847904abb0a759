-- When each of these messages was to be delivered, when it was accepted; unknown ids are left out.
SELECT id, deliver_at FROM messages WHERE id = ANY(%(ids)s::uuid[])
