-- Adds a row to the audit.
INSERT INTO audit (actor, action, target, customer_id, request_id, details, incarnation)
VALUES (%(actor)s, %(action)s, %(target)s, %(customer_id)s, %(request_id)s, %(details)s,
        (SELECT incarnation FROM customers WHERE id = %(customer_id)s))
