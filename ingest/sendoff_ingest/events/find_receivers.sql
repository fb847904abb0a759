-- Returns who gets the events of these customers, and those of these customers that are such receivers themselves.
SELECT id, events_of, created_at
  FROM customers
 WHERE events_of = ANY(%(customers)s::text[])
 UNION
SELECT id, events_of, created_at
  FROM customers
 WHERE id = ANY(%(customers)s::text[]) AND events_of IS NOT NULL
