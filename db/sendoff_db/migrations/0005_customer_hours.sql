-- What came of a customer's messages in each hour, as the workers counted it; lateness has a count for each of
-- LATENESS_BOUNDS (sendoff_domain.lateness) of the delivered ones, and one for what is above all. It is kept for 90 days.
CREATE TABLE customer_hours (
    incarnation    bigint NOT NULL,
    customer_id    text NOT NULL,
    hour           timestamptz NOT NULL,
    failed         bigint NOT NULL,  -- attempts
    dead           bigint NOT NULL,
    latest_seconds float8 NOT NULL,
    lateness       bigint[] NOT NULL,
    PRIMARY KEY (incarnation, customer_id, hour)
) WITH (fillfactor = 70);
CREATE INDEX customer_hours_hour ON customer_hours (hour);
