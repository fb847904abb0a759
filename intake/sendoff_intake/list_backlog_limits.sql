-- Lists the customers of whom only so many messages may wait, and how many.
SELECT id, backlog FROM customers WHERE backlog IS NOT NULL
