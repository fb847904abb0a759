-- Writes the first slots that this claim left free (Unix seconds).
UPDATE rate_slots
   SET next_slot_at = to_timestamp(free.next_slot)
  FROM unnest(%(customers)s::text[], %(slots)s::float8[]) AS free (customer_id, next_slot)
 WHERE rate_slots.customer_id = free.customer_id
