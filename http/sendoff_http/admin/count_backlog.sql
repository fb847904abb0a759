-- Counts what is due and not claimed, what waits for a retry and what is dead, up to a bound, beyond which PostgreSQL's
-- estimates are given; how long the oldest has been due (seconds), how much died within the last hour, and how many
-- workers live.
WITH counted AS MATERIALIZED (
    SELECT (SELECT count(*) FROM (SELECT FROM due WHERE visible_at <= now() AND holder IS NULL LIMIT %(bound)s) AS late) AS due,
           (SELECT count(*) FROM (SELECT FROM retries LIMIT %(bound)s) AS waiting) AS retrying,
           (SELECT count(*) FROM (SELECT FROM dead_letters LIMIT %(bound)s) AS letters) AS dead
), estimated AS MATERIALIZED (
    SELECT relname AS place, reltuples::bigint AS rows
      FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relname IN ('due', 'retries', 'dead_letters')
)
SELECT due, due >= %(bound)s AS due_is_more,
       CASE WHEN retrying < %(bound)s THEN retrying
            ELSE greatest(retrying, (SELECT rows FROM estimated WHERE place = 'retries')) END AS retrying,
       retrying >= %(bound)s AS retrying_is_more,
       CASE WHEN dead < %(bound)s THEN dead
            ELSE greatest(dead, (SELECT rows FROM estimated WHERE place = 'dead_letters')) END AS dead,
       dead >= %(bound)s AS dead_is_more,
       (SELECT extract(epoch FROM now() - visible_at)::float8
          FROM due WHERE holder IS NULL AND visible_at <= now() ORDER BY visible_at LIMIT 1) AS lag_seconds,
       (SELECT count(*) FROM (SELECT FROM dead_letters WHERE dead_at > now() - interval '1 hour' LIMIT 1001) AS recent)
           AS died_lately,
       (SELECT count(*) FROM living_processes WHERE role = 'worker') AS workers
  FROM counted
