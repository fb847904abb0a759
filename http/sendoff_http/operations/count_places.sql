-- Counts the rows of each place, up to a bound; a place that has reached it is estimated instead.
SELECT (SELECT count(*) FROM (SELECT FROM due LIMIT %(bound)s) AS rows),
       (SELECT count(*) FROM (SELECT FROM retries LIMIT %(bound)s) AS rows),
       (SELECT count(*) FROM (SELECT FROM deliveries LIMIT %(bound)s) AS rows),
       (SELECT count(*) FROM (SELECT FROM dead_letters LIMIT %(bound)s) AS rows),
       (SELECT count(*) FROM (SELECT FROM cancellations LIMIT %(bound)s) AS rows)
