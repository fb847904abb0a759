-- Lists the newest messages of an id range that wait for another attempt, in retries or in due.
SELECT message_id, %(customer)s::text IS NULL OR waiting.customer_id = %(customer)s AND waiting.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), waiting.incarnation)
  FROM (SELECT message_id, customer_id, incarnation FROM retries
         UNION ALL
        SELECT message_id, customer_id, incarnation FROM due WHERE attempts > 0 AND holder IS NULL) AS waiting
 WHERE message_id >= %(low)s AND message_id < %(high)s
 ORDER BY message_id DESC
 LIMIT %(chunk)s
