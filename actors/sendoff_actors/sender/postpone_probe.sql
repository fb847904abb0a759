-- Counts a failed probe and plans the next one, unless the failure was counted already.
UPDATE breakers
   SET trips = trips + 1, probe_at = now() + %(wait)s
 WHERE customer_id = %(customer)s AND opened_at IS NOT NULL AND trips = %(trips)s
RETURNING customer_id
