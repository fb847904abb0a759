-- Lists the processes that gave a sign of life lately.
SELECT instance, process, role, host, pid, version, started_at, epoch, revision, actual, in_flight, buses, scopes
  FROM living_processes
 ORDER BY instance, role, process
