-- Chooses the incarnation of a new customer, which its credentials are sealed with.
SELECT nextval('customer_incarnations')
