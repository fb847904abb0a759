-- Deletes a customer's signing keys but the newest of the valid ones, as many as may be kept.
DELETE FROM customer_secrets
 WHERE customer_id = %(customer_id)s
   AND id NOT IN (SELECT id FROM valid_keys
                   WHERE customer_id = %(customer_id)s
                   ORDER BY id DESC LIMIT %(kept)s)
