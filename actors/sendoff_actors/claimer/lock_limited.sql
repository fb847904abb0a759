-- Locks customers with a limit of concurrency for this claim, and skips those that another claim has locked:
-- two claims at once would both find the same allowance.
SELECT id FROM customers
 WHERE id = ANY (%(customers)s::text[])
 ORDER BY id
   FOR NO KEY UPDATE SKIP LOCKED
