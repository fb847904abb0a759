-- Lists the newest sent messages of an id range and of a range of sending times.
SELECT message_id, %(customer)s::text IS NULL OR deliveries.customer_id = %(customer)s AND deliveries.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), deliveries.incarnation)
  FROM deliveries
 WHERE message_id >= %(low)s AND message_id < %(high)s
   AND sent_at >= coalesce(%(sent_from)s::timestamptz, '-infinity')
   AND sent_at < coalesce(%(sent_until)s::timestamptz, 'infinity')
 ORDER BY message_id DESC
 LIMIT %(chunk)s
