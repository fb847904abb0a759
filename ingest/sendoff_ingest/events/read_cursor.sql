-- Returns how far the events are published.
SELECT position, message_id FROM event_cursor
