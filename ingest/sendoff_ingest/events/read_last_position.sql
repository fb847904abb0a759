-- Returns the highest position that a row or the cursor has.
SELECT greatest((SELECT position FROM event_cursor),
                (SELECT max(event_position) FROM deliveries), (SELECT max(event_position) FROM attempts),
                (SELECT max(event_position) FROM dead_letters), (SELECT max(event_position) FROM cancellations),
                (SELECT max(event_position) FROM past_events), (SELECT max(event_position) FROM fleet_events))
