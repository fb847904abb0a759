-- Whose events a customer gets as its messages; its own id stands for all of the fleet's. Nothing is told of the messages
-- of a customer that has this, so that there are no events of events; it is given with the customer and never changed.
-- A customer whose events another one gets can't be deleted before that one.
ALTER TABLE customers ADD COLUMN events_of text REFERENCES customers;
CREATE INDEX customers_events_of ON customers (events_of) WHERE events_of IS NOT NULL;
