-- Counts the newest dead letters of a customer by their reason, up to a bound, the largest groups first; with each row how
-- many were counted in all.
SELECT customer_id, reason, count(*) AS letters, (sum(count(*)) OVER ())::bigint AS counted
  FROM (SELECT customer_id, reason
          FROM dead_letters
         WHERE customer_id = %(customer)s
           AND incarnation = (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s)
         ORDER BY message_id DESC
         LIMIT %(grouped)s) AS newest
 GROUP BY customer_id, reason
 ORDER BY letters DESC, customer_id, reason
 LIMIT %(limit)s
