-- Reads how many probes of an open breaker have failed, and for how long it has been open.
SELECT trips, now() - opened_at FROM breakers WHERE customer_id = %(customer)s AND opened_at IS NOT NULL
