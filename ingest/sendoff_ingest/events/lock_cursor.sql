-- Locks the cursor and returns how far it is, where it was, and where the database is now.
SELECT position, shift, system_identifier, timeline,
       (SELECT control.system_identifier FROM pg_control_system() AS control) AS system_identifier_now,
       (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline_now,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_transaction
  FROM event_cursor
   FOR UPDATE
