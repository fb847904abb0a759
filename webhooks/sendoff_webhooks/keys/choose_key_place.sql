-- Chooses the id and the time of a customer's next signing key, which are sealed in; no row if there is no such customer.
SELECT nextval(pg_get_serial_sequence('customer_secrets', 'id')), now(), incarnation
  FROM customers
 WHERE id = %(customer_id)s
