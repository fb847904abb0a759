-- The places of a message. A message is in exactly one of: due, retries, deliveries, dead_letters, cancellations.

CREATE TABLE customers (
    id                 text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
    name               text NOT NULL,
    webhook_url        text,
    timeout_ms         integer NOT NULL CHECK (timeout_ms > 0),
    connect_timeout_ms integer NOT NULL CHECK (connect_timeout_ms > 0),
    retry              jsonb NOT NULL,
    paused_at          timestamptz,
    pause_reason       text,
    version            bigint NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE customer_secrets (
    customer_id text NOT NULL REFERENCES customers ON DELETE CASCADE,
    key         bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    PRIMARY KEY (customer_id, key)
);

-- What was accepted. The id is a UUIDv7, so its order is the order of creation and it tells its partition.
CREATE TABLE messages (
    id          uuid PRIMARY KEY,
    customer_id text NOT NULL,
    recipient   text NOT NULL,
    payload     text NOT NULL,
    deliver_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    created_at  timestamptz NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX messages_customer_id ON messages (customer_id, id);
CREATE INDEX messages_recipient ON messages (recipient, id);

-- One row per message that still has to be sent now or later. visible_at is the moment from which a claim may take
-- the row: its due time, or, while it is claimed (holder is set), the end of the lease.
CREATE TABLE due (
    message_id  uuid PRIMARY KEY,
    customer_id text NOT NULL,
    due_at      timestamptz NOT NULL,
    visible_at  timestamptz NOT NULL,
    attempt     integer NOT NULL DEFAULT 0,
    generation  integer NOT NULL DEFAULT 0,
    token       bigint NOT NULL DEFAULT 0,
    holder      text
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX due_visible_at ON due (visible_at);
CREATE INDEX due_retrying ON due (message_id) WHERE attempt > 0 AND holder IS NULL;

-- What waits for its next attempt.
CREATE TABLE retries (
    message_id      uuid PRIMARY KEY,
    customer_id     text NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    attempt         integer NOT NULL,
    generation      integer NOT NULL,
    token           bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX retries_next_attempt_at ON retries (next_attempt_at);

-- What was sent; append-only but for a resend, which takes its row away.
CREATE TABLE deliveries (
    message_id          uuid NOT NULL,
    customer_id         text NOT NULL,
    generation          integer NOT NULL,
    token               bigint NOT NULL,
    attempts            integer NOT NULL,
    due_at              timestamptz NOT NULL,
    created_at          timestamptz NOT NULL,
    sent_at             timestamptz NOT NULL,
    status_code         smallint NOT NULL,
    duration_us         integer NOT NULL,
    external_message_id text
) PARTITION BY RANGE (sent_at);
CREATE INDEX deliveries_message_id ON deliveries (message_id);
CREATE INDEX deliveries_created_at ON deliveries (created_at);
CREATE INDEX deliveries_sent_at ON deliveries (sent_at);

-- Attempts that failed, and the successful ones of earlier generations.
CREATE TABLE attempts (
    message_id  uuid NOT NULL,
    generation  integer NOT NULL,
    attempt     integer NOT NULL,
    token       bigint NOT NULL,
    started_at  timestamptz NOT NULL,
    duration_us integer NOT NULL,
    status_code smallint,
    error_class text,
    detail      text,
    answer      bytea
) PARTITION BY RANGE (started_at);
CREATE INDEX attempts_message_id ON attempts (message_id);

-- A full copy, so that it outlives the message's partition.
CREATE TABLE dead_letters (
    message_id  uuid PRIMARY KEY,
    customer_id text NOT NULL,
    recipient   text NOT NULL,
    payload     text NOT NULL,
    deliver_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    created_at  timestamptz NOT NULL,
    dead_at     timestamptz NOT NULL,
    reason      text NOT NULL,
    attempts    integer NOT NULL,
    generation  integer NOT NULL,
    token       bigint NOT NULL,
    last_error  text,
    history     jsonb NOT NULL
);
CREATE INDEX dead_letters_dead_at ON dead_letters (dead_at);
CREATE INDEX dead_letters_customer_id ON dead_letters (customer_id, message_id);

CREATE TABLE cancellations (
    message_id   uuid PRIMARY KEY,
    customer_id  text NOT NULL,
    attempts     integer NOT NULL,
    generation   integer NOT NULL,
    token        bigint NOT NULL,
    cancelled_at timestamptz NOT NULL
);
CREATE INDEX cancellations_cancelled_at ON cancellations (cancelled_at);

CREATE TABLE idempotency_keys (
    customer_id text NOT NULL,
    key         text NOT NULL,
    body_hash   bytea NOT NULL,
    message_id  uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (customer_id, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- One row per message: where it is, and since when. Each arm has a constant status or a filter on it,
-- so that a query for one status reads only the place of that status.
CREATE VIEW message_status AS
SELECT message_id AS id, customer_id,
       CASE WHEN holder IS NOT NULL THEN 'sending' WHEN attempt > 0 THEN 'retrying' ELSE 'scheduled' END AS status,
       false AS sent, attempt AS attempts, generation, NULL::timestamptz AS sent_at,
       NULL::text AS external_message_id, due_at AS next_attempt_at
  FROM due
UNION ALL
SELECT message_id, customer_id, 'retrying', false, attempt, generation, NULL, NULL, next_attempt_at FROM retries
UNION ALL
SELECT message_id, customer_id, 'sent', true, attempts, generation, sent_at, external_message_id, NULL FROM deliveries
UNION ALL
SELECT message_id, customer_id, 'dead', false, attempts, generation, NULL, NULL, NULL FROM dead_letters
UNION ALL
SELECT message_id, customer_id, 'cancelled', false, attempts, generation, NULL, NULL, NULL FROM cancellations;
