-- Adds outcomes to a customer's recent ones, of which e^-2 is left after a window (seconds), and returns the sums.
-- Gives no row while the breaker is open.
INSERT INTO breakers AS known (customer_id, successes, failures)
VALUES (%(customer)s, %(successes)s, %(failures)s)
    ON CONFLICT (customer_id) DO UPDATE
   SET successes = excluded.successes + known.successes
                 * exp(greatest(-50, -2 * extract(epoch FROM now() - known.updated_at)::float8 / %(window)s)),
       failures = excluded.failures + known.failures
                * exp(greatest(-50, -2 * extract(epoch FROM now() - known.updated_at)::float8 / %(window)s)),
       updated_at = now()
 WHERE known.opened_at IS NULL
RETURNING successes, failures
