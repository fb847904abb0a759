-- What each customer may want its own way, and what the fleet keeps in mind of each while it claims.

-- Whether a customer is paused is what control_state says of its scope, and nothing else.
ALTER TABLE customers
    DROP COLUMN paused_at,
    DROP COLUMN pause_reason,
    ADD COLUMN headers        jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN response_rule  jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN breaker        jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN rate           integer CHECK (rate > 0),
    ADD COLUMN rate_period_ms integer NOT NULL DEFAULT 1000 CHECK (rate_period_ms > 0),
    ADD COLUMN concurrency    integer CHECK (concurrency > 0);

-- The first moment that a customer's rate limit leaves free. A row only for those who have one.
CREATE TABLE rate_slots (
    customer_id  text PRIMARY KEY REFERENCES customers ON DELETE CASCADE,
    next_slot_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Circuit breakers: recent outcomes, which fade, and, while open, when the next probe may go out. A row only for
-- customers that had a failure.
CREATE TABLE breakers (
    customer_id text PRIMARY KEY REFERENCES customers ON DELETE CASCADE,
    counted_at  timestamptz NOT NULL DEFAULT now(),
    successes   float8 NOT NULL DEFAULT 0,
    failures    float8 NOT NULL DEFAULT 0,
    trips       integer NOT NULL DEFAULT 0,
    opened_at   timestamptz,
    probe_at    timestamptz,
    CHECK ((opened_at IS NULL) = (probe_at IS NULL))
) WITH (fillfactor = 50);

-- Which worker process has more of a customer's messages than it can send; until then it is to get no more.
CREATE TABLE crowds (
    customer_id text NOT NULL,
    holder      text NOT NULL,
    until       timestamptz NOT NULL,
    PRIMARY KEY (customer_id, holder)
);
