-- Writes which customers saturate a process for the next seconds, and removes those that no longer do.
WITH over AS (
    DELETE FROM saturated_customers WHERE process = %(process)s AND customer_id = ANY (%(over)s::text[])
)
INSERT INTO saturated_customers (customer_id, process, until)
SELECT saturated.id, %(process)s, clock_timestamp() + %(lasts)s * interval '1 s'
  FROM unnest(%(saturated)s::text[]) AS saturated (id)
    ON CONFLICT (customer_id, process) DO UPDATE SET until = excluded.until
