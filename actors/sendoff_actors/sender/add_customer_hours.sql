-- Adds counts to the hours of customers, which are given in the order of their keys; a count of lateness for each bound.
INSERT INTO customer_hours AS known (incarnation, customer_id, hour, failed, dead, latest_seconds, lateness)
SELECT incarnation, customer_id, hour, failed, dead, latest, string_to_array(lateness, ' ')::bigint[]
  FROM unnest(%(incarnations)s::bigint[], %(customers)s::text[], %(hours)s::timestamptz[], %(failed)s::bigint[],
              %(dead)s::bigint[], %(latest)s::float8[], %(lateness)s::text[])
       AS given (incarnation, customer_id, hour, failed, dead, latest, lateness)
    ON CONFLICT (incarnation, customer_id, hour) DO UPDATE
   SET failed = known.failed + excluded.failed,
       dead = known.dead + excluded.dead,
       latest_seconds = greatest(known.latest_seconds, excluded.latest_seconds),
       lateness = ARRAY(SELECT one + another
                          FROM unnest(known.lateness, excluded.lateness) WITH ORDINALITY AS pair (one, another, place)
                         ORDER BY place)
