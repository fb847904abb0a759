-- Counts the jobs that are not finished, and those that have failed within a day, by kind and state.
SELECT kind, state, count(*) FROM jobs WHERE state IN ('held', 'running', 'paused') GROUP BY kind, state
 UNION ALL
SELECT kind, state, count(*) FROM jobs
 WHERE state = 'failed' AND finished_at > now() - interval '1 day'
 GROUP BY kind, state
