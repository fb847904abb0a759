-- The story of a message: a customer it belongs to, what was accepted, what waits, what is claimed, what was tried, and
-- where it ended; then the fleet that does all this. A message is in exactly one of due, retries, deliveries,
-- dead_letters and cancellations.

-- 1. Whose messages they are: a webhook, how to call it, and what the customer wants its own way. Whether a customer is
-- paused is what control_state says of its scope, and nothing else. An id may be given again when its customer was
-- deleted; the incarnation tells the two apart, and what is kept of a customer belongs to it (docs/adr/0011).
CREATE SEQUENCE customer_incarnations;
CREATE TABLE customers (
    id                 text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
    name               text NOT NULL,
    description        text,
    webhook_url        text,
    headers            jsonb NOT NULL DEFAULT '{}',
    timeout_ms         integer NOT NULL CHECK (timeout_ms > 0),
    connect_timeout_ms integer NOT NULL CHECK (connect_timeout_ms > 0),
    retry              jsonb NOT NULL,
    response_rule      jsonb NOT NULL DEFAULT '{}',
    breaker            jsonb NOT NULL DEFAULT '{}',
    rate               integer CHECK (rate > 0),  -- requests per rate_period_ms; NULL: no limit
    rate_period_ms     integer NOT NULL DEFAULT 1000 CHECK (rate_period_ms > 0),
    concurrency        integer CHECK (concurrency > 0),
    backlog            integer CHECK (backlog > 0),  -- messages that may wait; NULL: no limit
    version            bigint NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    incarnation        bigint NOT NULL UNIQUE DEFAULT nextval('customer_incarnations')
);
CREATE INDEX customers_with_backlog ON customers (id) INCLUDE (backlog) WHERE backlog IS NOT NULL;

-- The keys that a customer's requests are signed with; the ids tell in which order they were added, and a key that is
-- encrypted anew keeps its row. The first byte of sealed_key tells its form (0: plain), the rest is the key in that form.
CREATE TABLE customer_secrets (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id text NOT NULL REFERENCES customers ON DELETE CASCADE,
    sealed_key  bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz
);
CREATE INDEX customer_secrets_customer_id ON customer_secrets (customer_id, id);

-- The keys that requests are signed with now.
CREATE VIEW valid_keys AS
SELECT id, customer_id, sealed_key, created_at, expires_at
  FROM customer_secrets
 WHERE expires_at IS NULL OR expires_at > now();

-- 2. What was accepted. The id is a UUIDv7, so its order is the order of creation and it tells the partition. There is
-- no index on the recipient: in a table of millions it took half of the time that accepting takes (docs/adr/0006).
-- incarnation is its customer's, here as in all that follows; 0 is nobody's.
CREATE TABLE messages (
    id          uuid PRIMARY KEY,
    customer_id text NOT NULL,
    recipient   text NOT NULL,
    payload     text NOT NULL,
    deliver_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    created_at  timestamptz NOT NULL,
    retry       jsonb,  -- a strategy of its own; NULL: its customer's
    incarnation bigint NOT NULL DEFAULT 0
) PARTITION BY RANGE (id);
CREATE INDEX messages_customer_id ON messages (customer_id, id);

-- Which key stored which message, so that a repeated request stores nothing.
CREATE TABLE idempotency_keys (
    incarnation bigint NOT NULL,
    key         text NOT NULL,
    body_hash   bytea NOT NULL,
    message_id  uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (incarnation, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- 3. What has to be sent now or later, one row per message. visible_at is the moment from which a claim may take the
-- row: its due time, or, while it is claimed (holder is set), the end of the lease. token is the fencing token: it rises
-- with every move but the one to deliveries, which keeps it, and by claim_token with a claim. generation counts the resends, attempts those made in this
-- generation.
CREATE TABLE due (
    message_id  uuid PRIMARY KEY,
    customer_id text NOT NULL,
    due_at      timestamptz NOT NULL,
    visible_at  timestamptz NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,
    generation  integer NOT NULL DEFAULT 0,
    token       bigint NOT NULL DEFAULT 0,
    holder      text,
    limited     boolean NOT NULL DEFAULT false,  -- claimed for a customer with a limit of concurrency
    incarnation bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.02);
-- A claim looks at what waits in the order of time and, when there is much, customer by customer. What is claimed is in
-- neither of these indexes, so that a claim enters its rows into one index only, and
-- those of a limit of concurrency into a second.
CREATE INDEX due_waiting ON due (visible_at) WHERE holder IS NULL;
CREATE INDEX due_waiting_of_customer ON due (customer_id, visible_at) WHERE holder IS NULL;
CREATE INDEX due_leased ON due (visible_at) WHERE holder IS NOT NULL;
CREATE INDEX due_limited ON due (customer_id) WHERE holder IS NOT NULL AND limited;
CREATE INDEX due_retrying ON due (message_id) WHERE attempts > 0 AND holder IS NULL;

-- The token of a new claim: 2^32 more, and a random number below that. A server that was promoted without the last
-- claims of its predecessor gives other tokens than those did, so that no claim answers for one that was forgotten.
CREATE FUNCTION claim_token(token bigint) RETURNS bigint LANGUAGE sql VOLATILE
RETURN token + 4294967296 + floor(random() * 4294967296)::bigint;

-- 4. What limits a claim. A customer's rate: the first moment that it leaves free.
CREATE TABLE rate_slots (
    customer_id  text PRIMARY KEY REFERENCES customers ON DELETE CASCADE,
    next_slot_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- A customer's circuit breaker: recent outcomes, which fade, and, while it is open, when the next probe may go out. A
-- row only for customers that had a failure.
CREATE TABLE breakers (
    customer_id text PRIMARY KEY REFERENCES customers ON DELETE CASCADE,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    successes   float8 NOT NULL DEFAULT 0,
    failures    float8 NOT NULL DEFAULT 0,
    trips       integer NOT NULL DEFAULT 0,
    opened_at   timestamptz,
    probe_at    timestamptz,
    CHECK ((opened_at IS NULL) = (probe_at IS NULL))
) WITH (fillfactor = 50);

-- The customers whose breakers are open; while a customer's own setting switches its breaker off, it is not.
CREATE VIEW open_breakers AS
SELECT breakers.customer_id, breakers.opened_at, breakers.probe_at
  FROM breakers
  JOIN customers ON customers.id = breakers.customer_id
 WHERE breakers.opened_at IS NOT NULL AND customers.breaker -> 'enabled' IS DISTINCT FROM 'false';

-- The worker processes that hold more of a customer's messages than they can send; until then they get no more of them.
CREATE TABLE saturated_customers (
    customer_id text NOT NULL,
    process     text NOT NULL,
    until       timestamptz NOT NULL,
    PRIMARY KEY (customer_id, process)
);

-- 5. What is told of it. A row that an event tells of has its place in the order of all events: that of its transaction,
-- or NULL while no events are recorded. They are from the first start of a publisher on, which has this function
-- replaced (record_events); until then the columns hold nothing and their indexes are empty.
CREATE FUNCTION event_position() RETURNS bigint LANGUAGE sql STABLE
RETURN NULL::bigint;

-- The shift keeps positions rising when the rows are moved to another cluster, whose transactions count from anew.
CREATE FUNCTION record_events(shift bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION event_position() RETURNS bigint LANGUAGE sql STABLE'
                   ' RETURN pg_current_xact_id()::text::bigint + %s::bigint', shift);
END $$;

-- How far the events are published: up to that message of that position. One publisher holds it at a time.
CREATE TABLE event_cursor (
    only_row          boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position          bigint NOT NULL DEFAULT 0,
    message_id        uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    shift             bigint NOT NULL DEFAULT 0,
    system_identifier bigint,  -- of the cluster in which events were recorded last; NULL: none ever were
    timeline          integer,
    holder            text,
    held_until        timestamptz
) WITH (fillfactor = 50);
INSERT INTO event_cursor DEFAULT VALUES;

-- Events that were not published yet when their row went, since its message was sent again or it was deleted.
CREATE TABLE past_events (
    event_position bigint NOT NULL,
    message_id     uuid NOT NULL,
    customer_id    text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('dead', 'cancelled')),
    generation     integer NOT NULL,
    attempt        integer NOT NULL,
    happened_at    timestamptz NOT NULL,
    status_code    integer,
    error_class    text,
    reason         text
);
CREATE INDEX past_events_event_position ON past_events (event_position);

-- 6. What was tried. Attempts that failed, and the successful ones of earlier generations; attempt is the ordinal, from
-- 1. The ordinal identifies the attempt; started_at is in the key because it tells the partition.
CREATE TABLE attempts (
    message_id  uuid NOT NULL,
    generation  integer NOT NULL,
    attempt     integer NOT NULL,
    token       bigint NOT NULL,
    started_at  timestamptz NOT NULL,
    duration_us bigint NOT NULL,
    status_code smallint,
    error_class text,
    detail      text,
    answer      bytea,
    event_position bigint,
    PRIMARY KEY (message_id, generation, attempt, started_at)
) PARTITION BY RANGE (started_at);
CREATE INDEX attempts_event_position ON attempts (event_position) WHERE event_position IS NOT NULL;

-- What waits for its next attempt.
CREATE TABLE retries (
    message_id      uuid PRIMARY KEY,
    customer_id     text NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    attempts        integer NOT NULL,
    generation      integer NOT NULL,
    token           bigint NOT NULL,
    incarnation     bigint NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX retries_next_attempt_at ON retries (next_attempt_at);
CREATE INDEX retries_of_customer ON retries (customer_id, next_attempt_at);

-- 7. Where it ended. What was sent; append-only but for a resend, which takes its row away. A message has one row at
-- most; sent_at is in the key because it tells the partition.
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
    duration_us         bigint NOT NULL,
    external_message_id text,
    incarnation         bigint NOT NULL DEFAULT 0,
    event_position      bigint DEFAULT event_position(),
    PRIMARY KEY (message_id, sent_at)
) PARTITION BY RANGE (sent_at);
CREATE INDEX deliveries_event_position ON deliveries (event_position) WHERE event_position IS NOT NULL;
CREATE INDEX deliveries_created_at ON deliveries (created_at);
CREATE INDEX deliveries_sent_at ON deliveries (sent_at);

-- What is not tried any more: a full copy, so that it outlives the message's partition.
CREATE TABLE dead_letters (
    message_id  uuid PRIMARY KEY,
    customer_id text NOT NULL,
    recipient   text NOT NULL,
    payload     text NOT NULL,
    deliver_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    created_at  timestamptz NOT NULL,
    retry       jsonb,
    dead_at     timestamptz NOT NULL,
    reason      text NOT NULL,
    attempts    integer NOT NULL,
    generation  integer NOT NULL,
    token       bigint NOT NULL,
    last_error  text,
    history     jsonb NOT NULL,
    incarnation bigint NOT NULL DEFAULT 0,
    event_position bigint DEFAULT event_position()
);
CREATE INDEX dead_letters_event_position ON dead_letters (event_position) WHERE event_position IS NOT NULL;
CREATE INDEX dead_letters_dead_at ON dead_letters (dead_at);
CREATE INDEX dead_letters_customer_id ON dead_letters (customer_id, message_id);

-- What was called off before it was sent.
CREATE TABLE cancellations (
    message_id   uuid PRIMARY KEY,
    customer_id  text NOT NULL,
    attempts     integer NOT NULL,
    generation   integer NOT NULL,
    token        bigint NOT NULL,
    cancelled_at timestamptz NOT NULL,
    incarnation  bigint NOT NULL DEFAULT 0,
    event_position bigint DEFAULT event_position()
);
CREATE INDEX cancellations_cancelled_at ON cancellations (cancelled_at);
CREATE INDEX cancellations_event_position ON cancellations (event_position) WHERE event_position IS NOT NULL;

-- A row that goes before its event was published leaves the event behind.
CREATE FUNCTION keep_events_of_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO past_events (event_position, message_id, customer_id, kind, generation, attempt, happened_at,
                             status_code, error_class, reason)
    SELECT event_position, message_id, customer_id, 'dead', generation, attempts, dead_at,
           CASE WHEN attempts > 0 THEN (history -> -1 ->> 'statusCode')::integer END,
           CASE WHEN attempts > 0 THEN history -> -1 ->> 'errorClass' END, reason
      FROM gone
     WHERE event_position >= (SELECT position FROM event_cursor);
    RETURN NULL;
END $$;
CREATE TRIGGER dead_letters_keep_events AFTER DELETE ON dead_letters REFERENCING OLD TABLE AS gone
   FOR EACH STATEMENT EXECUTE FUNCTION keep_events_of_dead_letters();

CREATE FUNCTION keep_events_of_cancellations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO past_events (event_position, message_id, customer_id, kind, generation, attempt, happened_at)
    SELECT event_position, message_id, customer_id, 'cancelled', generation, attempts, cancelled_at
      FROM gone
     WHERE event_position >= (SELECT position FROM event_cursor);
    RETURN NULL;
END $$;
CREATE TRIGGER cancellations_keep_events AFTER DELETE ON cancellations REFERENCING OLD TABLE AS gone
   FOR EACH STATEMENT EXECUTE FUNCTION keep_events_of_cancellations();

-- One row per message: where it is, and since when. Each arm has a constant status or a filter on it,
-- so that a query for one status reads only the place of that status.
CREATE VIEW message_status AS
SELECT message_id AS id, customer_id,
       CASE WHEN holder IS NOT NULL THEN 'sending' WHEN attempts > 0 THEN 'retrying' ELSE 'scheduled' END AS status,
       false AS sent, attempts, generation, NULL::timestamptz AS sent_at,
       NULL::text AS external_message_id, due_at AS next_attempt_at, incarnation
  FROM due
UNION ALL
SELECT message_id, customer_id, 'retrying', false, attempts, generation, NULL, NULL, next_attempt_at, incarnation
  FROM retries
UNION ALL
SELECT message_id, customer_id, 'sent', true, attempts, generation, sent_at, external_message_id, NULL, incarnation
  FROM deliveries
UNION ALL
SELECT message_id, customer_id, 'dead', false, attempts, generation, NULL, NULL, NULL, incarnation FROM dead_letters
UNION ALL
SELECT message_id, customer_id, 'cancelled', false, attempts, generation, NULL, NULL, NULL, incarnation FROM cancellations;

-- 8. The fleet. What it should do, one row per scope ('global' or a customer); (epoch, revision) orders everything that
-- the buses carry.
CREATE TABLE control_state (
    scope      text PRIMARY KEY,
    epoch      integer NOT NULL DEFAULT 1,
    revision   bigint NOT NULL DEFAULT 1,
    desired    text NOT NULL CHECK (desired IN ('running', 'stopped')),
    command_id text,
    changed_by text,
    reason     text,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The customers that are paused: the stop of a scope of their own.
CREATE VIEW paused_customers AS
SELECT scope AS customer_id, changed_at AS paused_at, reason
  FROM control_state
 WHERE desired = 'stopped' AND scope <> 'global';

-- The commands that led there.
CREATE TABLE control_commands (
    command_id   text PRIMARY KEY,
    scope        text NOT NULL,
    action       text NOT NULL CHECK (action IN ('start', 'stop')),
    status       text NOT NULL,
    epoch        integer NOT NULL,
    revision     bigint NOT NULL,
    desired      text NOT NULL,
    origin       text NOT NULL,
    requested_by text,
    reason       text,
    received_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX control_commands_received_at ON control_commands (received_at);

-- The key that hand-offs on Redis are authenticated with, so that only what can read this table can make one.
CREATE TABLE handoff_key (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    key      bytea NOT NULL CHECK (length(key) = 32)
);
INSERT INTO handoff_key (key) VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                                             || uuid_send(gen_random_uuid())));

-- The processes of the fleet, and what they have applied.
CREATE TABLE processes (
    instance     text NOT NULL,
    process      integer NOT NULL,
    role         text NOT NULL,
    host         text NOT NULL,
    pid          integer NOT NULL,
    version      text NOT NULL,
    started_at   timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    epoch        integer NOT NULL,
    revision     bigint NOT NULL,
    actual       text NOT NULL,
    in_flight    integer NOT NULL,
    buses        jsonb NOT NULL,
    scopes       jsonb NOT NULL DEFAULT '{}',  -- applied per customer: {scope: [epoch, revision]}
    claim_by     timestamptz,  -- of a worker: when it stands still unless it has claimed again, or looked in vain
    record_by    timestamptz,  -- of a worker: the same for outcomes; NULL: none is waiting
    is_short     boolean NOT NULL DEFAULT false,  -- of a worker: it has too few open files, ports or memory to send
    PRIMARY KEY (instance, process, role)
);

-- The processes that gave a sign of life lately; LIVING_SECONDS in sendoff_control is the same time for the buses.
CREATE VIEW living_processes AS
SELECT instance, process, role, host, pid, version, started_at, heartbeat_at, epoch, revision, actual, in_flight, buses,
       scopes, claim_by, record_by, is_short
  FROM processes
 WHERE heartbeat_at > clock_timestamp() - interval '15 s';

-- The last tick that each instance has claimed for.
CREATE TABLE ticks (
    instance  text PRIMARY KEY,
    tick      bigint NOT NULL,
    ticked_at timestamptz NOT NULL DEFAULT now()
);

-- 9. Who may do what over the API. A key with a customer sees and changes what is that customer's, and goes with it.
-- Only the digest of a secret is kept, and a prefix by which a person knows it.
CREATE TABLE api_keys (
    id           text PRIMARY KEY,
    name         text NOT NULL,
    prefix       text NOT NULL,
    digest       bytea NOT NULL UNIQUE,
    scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0),
    customer_id  text REFERENCES customers ON DELETE CASCADE,
    rate         integer CHECK (rate > 0),  -- requests per second of each API process; NULL: no limit
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   text NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX api_keys_customer_id ON api_keys (customer_id);

-- Who did what: starts and stops, changes of customers and keys, what was sent again or deleted. Written in the
-- transaction of what it tells of. Rows are only added, and go after a year.
CREATE TABLE audit (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor       text NOT NULL,  -- the id of an API key, `anonymous`, a bus, a worker, or who used the command line
    action      text NOT NULL,
    target      text NOT NULL,
    customer_id text,
    request_id  text,
    details     jsonb NOT NULL DEFAULT '{}',
    incarnation bigint  -- of that customer, if it was there
);
CREATE INDEX audit_happened_at ON audit (happened_at);

CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.happened_at < now() - interval '1 year' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;
CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE ON audit
   FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit();
CREATE TRIGGER audit_keeps_all BEFORE TRUNCATE ON audit
   FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit();
