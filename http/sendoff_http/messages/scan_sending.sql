-- Lists the newest claimed messages of an id range.
-- A claimed row's visible_at is the end of its lease: soon, or, if its worker has died, a short time ago. So the index
-- on it finds them without a look at all that is scheduled for later.
SELECT message_id, %(customer)s::text IS NULL OR due.customer_id = %(customer)s AND due.incarnation = coalesce(
           (SELECT customers.incarnation FROM customers WHERE customers.id = %(customer)s), due.incarnation)
  FROM due
 WHERE holder IS NOT NULL AND visible_at > now() - interval '10 minutes' AND visible_at < now() + interval '1 hour'
   AND message_id >= %(low)s AND message_id < %(high)s
 ORDER BY message_id DESC
 LIMIT %(chunk)s
