-- Writes where the cursor is in which cluster.
UPDATE event_cursor
   SET position = %(position)s, shift = %(shift)s, system_identifier = %(system_identifier)s, timeline = %(timeline)s
