-- Lists those of these customers of whom only so many messages may wait, and how many; those that get events always have
-- a limit.
SELECT id, coalesce(backlog, 10000)
  FROM customers
 WHERE id = ANY(%(customers)s::text[]) AND (backlog IS NOT NULL OR events_of IS NOT NULL)
