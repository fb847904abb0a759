-- Counts what was sent in each of these spans of time, up to a bound, with the median and the 99th percentile of the
-- lateness (ms) of the first messages of each; both are null where nothing was sent.
SELECT span.start,
       (SELECT count(*) FROM (SELECT FROM deliveries
                               WHERE sent_at >= span.start AND sent_at < span.start + %(length)s::interval
                               LIMIT %(bound)s) AS sent),
       (SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY ms)
          FROM (SELECT greatest(0, extract(epoch FROM sent_at - due_at)::float8 * 1000 - duration_us / 1000.0) AS ms
                  FROM deliveries
                 WHERE sent_at >= span.start AND sent_at < span.start + %(length)s::interval
                 ORDER BY sent_at
                 LIMIT %(sampled)s) AS looked_at)
  FROM unnest(%(starts)s::timestamptz[]) AS span (start)
