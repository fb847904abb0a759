-- Lists the customers in trouble: those whose breakers are open and those that are paused.
SELECT 'sendoff_breaker_open', customer_id FROM open_breakers
 UNION ALL
SELECT 'sendoff_customer_paused', customer_id FROM paused_customers
 LIMIT 1000
