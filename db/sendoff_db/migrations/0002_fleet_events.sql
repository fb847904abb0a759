-- What happened to a customer or to the fleet and not to a message: paused, stopped, a breaker that opened. What it
-- happened to is a row that changes, so the event is a row of its own, written in the same statement, but only once
-- events are recorded. It goes when it is published.
CREATE TABLE fleet_events (
    event_position bigint NOT NULL DEFAULT event_position(),
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    kind           text NOT NULL CHECK (kind IN ('customer.paused', 'customer.resumed', 'breaker.opened',
                                                 'breaker.closed', 'fleet.stopped', 'fleet.started')),
    customer_id    text CHECK ((customer_id IS NULL) = (kind LIKE 'fleet.%')),
    happened_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason         text,
    actor          text,
    requested_by   text,
    revision       bigint
);
CREATE INDEX fleet_events_event_position ON fleet_events (event_position, id);
