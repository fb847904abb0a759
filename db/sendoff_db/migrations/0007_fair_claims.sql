-- A claim looks at what waits in the order of time and, when there is much, customer by customer; what is claimed is in
-- neither of these indexes, so that a claim enters its rows into one index only.
ALTER TABLE due ADD COLUMN counted boolean NOT NULL DEFAULT false;
DROP INDEX due_visible_at;
CREATE INDEX due_waiting ON due (visible_at) WHERE holder IS NULL;
CREATE INDEX due_waiting_of_customer ON due (customer_id, visible_at) WHERE holder IS NULL;
CREATE INDEX due_leased ON due (visible_at) WHERE holder IS NOT NULL;
-- Claimed messages of customers with a limit of concurrency, who are counted.
CREATE INDEX due_counted ON due (customer_id) WHERE holder IS NOT NULL AND counted;
CREATE INDEX retries_of_customer ON retries (customer_id, next_attempt_at);
