-- Writes which customers are crowded in a process for the next seconds, and that others no longer are.
WITH over AS (
    DELETE FROM crowds WHERE holder = %(holder)s AND customer_id = ANY (%(over)s::text[])
)
INSERT INTO crowds (customer_id, holder, until)
SELECT crowded.id, %(holder)s, clock_timestamp() + %(lasts)s * interval '1 s'
  FROM unnest(%(crowded)s::text[]) AS crowded (id)
    ON CONFLICT (customer_id, holder) DO UPDATE SET until = excluded.until
