-- Counts the dead letters that fit a selection; if they are to be resendable, only those whose customers were not
-- deleted.
SELECT count(*)
  FROM dead_letters
 WHERE message_id >= %(low)s AND message_id < %(high)s
   AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
   AND (%(incarnation)s::bigint IS NULL OR dead_letters.incarnation = %(incarnation)s)
   AND (NOT %(resendable)s OR EXISTS (SELECT FROM customers WHERE customers.incarnation = dead_letters.incarnation))
   AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
   AND (%(reference)s::text IS NULL OR reference = %(reference)s)
   AND (%(reason)s::text IS NULL OR reason = %(reason)s)
