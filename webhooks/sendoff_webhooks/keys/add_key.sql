-- Adds a signing key as the customer's newest.
INSERT INTO customer_secrets (customer_id, sealed_key) VALUES (%(customer_id)s, %(sealed_key)s)
