-- Adds a row to the audit.
INSERT INTO audit (actor, action, target, customer_id, request_id, details)
VALUES (%(actor)s, %(action)s, %(target)s, %(customer_id)s, %(request_id)s, %(details)s)
