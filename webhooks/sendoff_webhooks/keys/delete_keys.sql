-- Deletes these signing keys.
DELETE FROM customer_secrets WHERE id = ANY(%(ids)s)
