-- Ends the sessions that have had this advisory lock for longer than `patience`: their clients are frozen or gone.
-- What they began is undone; a session of another role is left alone.
SELECT pg_terminate_backend(holder.pid)
  FROM pg_locks AS holder
  JOIN pg_stat_activity AS session ON session.pid = holder.pid
 WHERE holder.locktype = 'advisory' AND holder.granted AND holder.objsubid = 1
   AND holder.classid = 0 AND holder.objid::bigint = %(lock)s
   AND holder.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND session.usename = current_user AND session.xact_start < clock_timestamp() - %(patience)s::interval
