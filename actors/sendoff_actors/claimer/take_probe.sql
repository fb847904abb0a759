-- Takes the right to send one probe to a customer whose breaker is open: one row, for one claim only.
-- If the probe is lost, another one may be taken when `patience` is over.
UPDATE breakers
   SET probe_at = statement_timestamp() + %(patience)s
 WHERE customer_id = %(customer)s AND opened_at IS NOT NULL AND probe_at <= statement_timestamp()
RETURNING customer_id
