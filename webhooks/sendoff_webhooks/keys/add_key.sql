-- Adds a signing key as the customer's newest.
INSERT INTO customer_secrets (id, customer_id, sealed_key, created_at) OVERRIDING SYSTEM VALUE
VALUES (%(id)s, %(customer_id)s, %(sealed_key)s, %(created_at)s)
