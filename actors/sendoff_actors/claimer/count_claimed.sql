-- Counts the claimed messages of these customers, which this claim has locked.
SELECT asked.id, (SELECT count(*)::integer FROM due
                   WHERE due.customer_id = asked.id AND due.holder IS NOT NULL AND due.limited)
  FROM unnest(%(customers)s::text[]) AS asked (id)
