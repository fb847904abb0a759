-- Lists the processes that gave a sign of life lately; one that missed three polls is gone, as far as anybody can tell.
SELECT instance, process, role, host, pid, version, started_at, epoch, revision,
       CASE WHEN is_overdue THEN 'gone' ELSE actual END AS actual,
       CASE WHEN is_overdue THEN 0 ELSE in_flight END AS in_flight, buses, scopes
  FROM living_processes,
       LATERAL (SELECT heartbeat_at < clock_timestamp() - interval '6 s' AS is_overdue) AS silence
 ORDER BY instance, role, process
