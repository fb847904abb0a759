-- Counts the newest dead letters by customer and reason, up to a bound, the largest groups first; with each row how many
-- were counted in all.
SELECT customer_id, reason, count(*) AS letters, (sum(count(*)) OVER ())::bigint AS counted
  FROM (SELECT customer_id, reason FROM dead_letters ORDER BY message_id DESC LIMIT %(grouped)s) AS newest
 GROUP BY customer_id, reason
 ORDER BY letters DESC, customer_id, reason
 LIMIT %(limit)s
