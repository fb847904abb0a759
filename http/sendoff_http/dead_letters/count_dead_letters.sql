-- Counts the dead letters that match the filters.
SELECT count(*)
  FROM dead_letters
 WHERE message_id >= %(low)s AND message_id < %(high)s
   AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
   AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
   AND (%(reason)s::text IS NULL OR reason = %(reason)s)
