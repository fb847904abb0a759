-- Prolongs or takes the lease of the cursor, if nobody else has it, and returns how far the events are published.
UPDATE event_cursor
   SET holder = %(holder)s, held_until = clock_timestamp() + %(lease)s::interval
 WHERE holder IS NULL OR holder = %(holder)s OR held_until < clock_timestamp()
RETURNING position, message_id
