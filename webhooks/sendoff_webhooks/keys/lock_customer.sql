-- Locks a customer's row until the transaction ends, so that its keys change one after the other; no row if unknown.
SELECT id FROM customers WHERE id = %(customer_id)s FOR NO KEY UPDATE
