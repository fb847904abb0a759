-- Finds out which of these keys have stored a message for their customers already.
SELECT asked.customer_id, asked.key
  FROM unnest(%(customers)s::text[], %(keys)s::text[]) AS asked (customer_id, key)
  JOIN customers ON customers.id = asked.customer_id
  JOIN idempotency_keys AS used ON used.incarnation = customers.incarnation AND used.key = asked.key
