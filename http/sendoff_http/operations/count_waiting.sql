-- Counts what waits and what is late, up to a bound, so that a backlog of millions costs no more.
SELECT (SELECT count(*) FROM (SELECT FROM due WHERE visible_at <= now() AND holder IS NULL LIMIT 100000) AS late),
       (SELECT extract(epoch FROM now() - min(visible_at))::float8
          FROM (SELECT visible_at FROM due WHERE holder IS NULL AND visible_at <= now()
                 ORDER BY visible_at LIMIT 1) AS oldest),
       (SELECT count(*) FROM (SELECT FROM due
                               WHERE holder IS NOT NULL AND visible_at > now() - interval '10 minutes'
                                 AND visible_at < now() + interval '1 hour' LIMIT 100000) AS claimed),
       (SELECT count(*) FROM (SELECT FROM due WHERE attempts > 0 AND holder IS NULL LIMIT 100000) AS due_again),
       (SELECT count(*) FROM (SELECT FROM deliveries WHERE sent_at > now() - interval '1 minute' LIMIT 1000000) AS sent)
