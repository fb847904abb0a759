-- Moves the cursor of its holder on, and deletes the past events that it has passed. One row if the lease still held.
WITH advanced AS (
    UPDATE event_cursor SET position = %(position)s, message_id = %(message_id)s
     WHERE holder = %(holder)s
 RETURNING position
), passed AS (
    DELETE FROM past_events USING advanced WHERE past_events.event_position < advanced.position
)
SELECT position FROM advanced
