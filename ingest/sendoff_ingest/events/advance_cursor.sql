-- Moves the cursor of its holder on, and deletes the rows that it has passed and that are there for events alone.
-- One row if the lease still held.
WITH advanced AS (
    UPDATE event_cursor SET position = %(position)s, message_id = %(message_id)s
     WHERE holder = %(holder)s
 RETURNING position
), passed AS (
    DELETE FROM past_events USING advanced WHERE past_events.event_position < advanced.position
), told AS (
    DELETE FROM fleet_events USING advanced WHERE fleet_events.event_position < advanced.position
)
SELECT position FROM advanced
