-- Gives every row that is written from now on its position among the events.
SELECT record_events(%(shift)s::bigint)
