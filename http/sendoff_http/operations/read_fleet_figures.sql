-- Reads what the database knows of the fleet as one row; counts go up to a bound, so that a scrape costs the same always.
SELECT (SELECT count(*) FROM (SELECT FROM due WHERE visible_at <= now() AND holder IS NULL LIMIT %(bound)s) AS late)
       AS due_messages,
       (SELECT greatest(
               (SELECT extract(epoch FROM now() - visible_at) FROM due
                 WHERE holder IS NULL AND visible_at <= now() ORDER BY visible_at LIMIT 1),
               (SELECT extract(epoch FROM now() - next_attempt_at) FROM retries
                 WHERE next_attempt_at <= now() ORDER BY next_attempt_at LIMIT 1), 0)::float8)
       AS oldest_due_seconds,
       (SELECT count(*) FROM (SELECT FROM due
                               WHERE holder IS NOT NULL AND visible_at > now() - interval '10 minutes'
                                 AND visible_at < now() + interval '1 hour' LIMIT %(bound)s) AS claimed)
       AS sending_messages,
       (SELECT count(*) FROM (SELECT FROM retries LIMIT %(bound)s) AS waiting)
     + (SELECT count(*) FROM (SELECT FROM due WHERE attempts > 0 AND holder IS NULL LIMIT %(bound)s) AS due_again)
       AS retrying_messages,
       (SELECT count(*) FROM (SELECT FROM dead_letters LIMIT %(bound)s) AS kept)
       AS kept_dead_letters,
       (SELECT count(*) FROM open_breakers) AS open_breakers,
       (SELECT coalesce(extract(epoch FROM now() - min(opened_at)), 0)::float8 FROM open_breakers)
       AS oldest_open_breaker_seconds,
       (SELECT count(*) FROM paused_customers) AS paused_customers,
       state.desired = 'running' AS is_running,
       state.epoch AS control_epoch,
       state.revision AS control_revision,
       (SELECT coalesce(jsonb_object_agg(role, count), '{}')
          FROM (SELECT role, count(*) FROM living_processes GROUP BY role) AS counted)
       AS processes,
       (SELECT count(*) FROM living_processes AS process
         WHERE (process.epoch, process.revision) < (state.epoch, state.revision)
            OR heartbeat_at < clock_timestamp() - interval '6 s')
       AS unconverged_processes
  FROM control_state AS state
 WHERE state.scope = 'global'
