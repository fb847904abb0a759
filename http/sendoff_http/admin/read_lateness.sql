-- Reads the median and the 99th percentile of the lateness (ms) of the last messages sent; null if there were none.
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY ms)
  FROM (SELECT greatest(0, extract(epoch FROM sent_at - due_at)::float8 * 1000 - duration_us / 1000.0) AS ms
          FROM deliveries
         WHERE sent_at > now() - interval '5 minutes'
         ORDER BY sent_at DESC
         LIMIT %(sampled)s) AS looked_at
