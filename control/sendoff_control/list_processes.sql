-- Lists the processes that gave a sign of life in the last 15 seconds.
SELECT instance, process, role, host, pid, version, started_at, epoch, revision, actual, in_flight, buses, scopes
  FROM processes
 WHERE heartbeat_at > clock_timestamp() - interval '15 seconds'
 ORDER BY instance, role, process
