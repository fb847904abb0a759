-- Returns the incarnation of the customer that has this id now.
SELECT incarnation FROM customers WHERE id = %(customer)s
