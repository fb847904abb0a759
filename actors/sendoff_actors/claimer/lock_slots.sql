-- Locks the first free slot of each of these customers until those that follow are written, and returns it in Unix seconds.
INSERT INTO rate_slots (customer_id, next_slot_at)
SELECT asked.id, clock_timestamp() FROM unnest(%(customers)s::text[]) AS asked (id) ORDER BY asked.id
    ON CONFLICT (customer_id) DO UPDATE
   SET next_slot_at = greatest(rate_slots.next_slot_at, clock_timestamp())
RETURNING customer_id, extract(epoch FROM next_slot_at)::float8
