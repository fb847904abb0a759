-- Counts the newest dead letters by customer and reason, up to a bound, the largest groups first; with each row how many
-- were counted in all. Only those of a bound key's customer, if there is one.
WITH newest AS MATERIALIZED (
    SELECT customer_id, reason
      FROM dead_letters
     WHERE %(customer)s::text IS NULL
        OR customer_id = %(customer)s
       AND incarnation = (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s)
     ORDER BY message_id DESC
     LIMIT %(grouped)s
)
SELECT customer_id, reason, count(*) AS letters, (SELECT count(*) FROM newest) AS counted
  FROM newest
 GROUP BY customer_id, reason
 ORDER BY letters DESC, customer_id, reason
 LIMIT %(limit)s
