-- Gives the customer the configured key, or a made-up one if it has none at all.
WITH configured AS (
    INSERT INTO customer_secrets (customer_id, key)
    SELECT %(id)s, %(configured)s::bytea WHERE %(configured)s::bytea IS NOT NULL
        ON CONFLICT DO NOTHING
), replaced AS (
    DELETE FROM customer_secrets
     WHERE customer_id = %(id)s AND %(configured)s::bytea IS NOT NULL AND key <> %(configured)s::bytea
)
INSERT INTO customer_secrets (customer_id, key)
SELECT %(id)s, %(made_up)s::bytea
 WHERE %(configured)s::bytea IS NULL AND NOT EXISTS (SELECT FROM customer_secrets WHERE customer_id = %(id)s)
    ON CONFLICT DO NOTHING
