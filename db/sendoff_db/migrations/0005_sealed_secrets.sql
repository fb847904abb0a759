-- Signing keys are stored sealed: a byte that tells the form (0: plain, as all were before), then the key in that form.

ALTER TABLE customer_secrets DROP CONSTRAINT customer_secrets_pkey;
ALTER TABLE customer_secrets RENAME COLUMN key TO sealed_key;
-- The order in which a customer's keys were added; a key sealed anew keeps its row.
ALTER TABLE customer_secrets ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;
UPDATE customer_secrets SET sealed_key = '\x00'::bytea || sealed_key;
CREATE INDEX customer_secrets_customer_id ON customer_secrets (customer_id, id);
