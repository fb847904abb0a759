-- Start and stop: one row per scope; (epoch, revision) orders everything that the buses carry.

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

-- The processes that are alive, what they have applied, and the last tick that each instance has claimed for.
CREATE TABLE instances (
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
    scopes       jsonb NOT NULL DEFAULT '{}',   -- applied per customer: {scope: [epoch, revision]}
    PRIMARY KEY (instance, process, role)
);

CREATE TABLE ticks (
    instance  text PRIMARY KEY,
    tick      bigint NOT NULL,
    ticked_at timestamptz NOT NULL DEFAULT now()
);
