-- Lists the hours in which something came of a customer's messages, the newest first, back to so many hours ago.
SELECT hour, failed, dead, latest_seconds, lateness
  FROM customer_hours
 WHERE incarnation = %(incarnation)s AND customer_id = %(customer)s
   AND hour > date_trunc('hour', now()) - %(hours)s * interval '1 hour'
 ORDER BY hour DESC
