-- Lists the customers of whom only so many messages may wait, and how many; those that get events always have a limit.
SELECT id, backlog FROM customers WHERE backlog IS NOT NULL
 UNION ALL
SELECT id, 10000 FROM customers WHERE events_of IS NOT NULL AND backlog IS NULL
