-- Long work on many messages: what to do with which, and how far it is. A step acts on the next messages and moves
-- `reached` in one transaction that holds the row's lock, so that each message is taken once whatever dies, and nobody
-- else takes a step of the same job. Messages come in the order of their ids, those of low up to high.
CREATE TABLE jobs (
    id              uuid PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('dead-letters.resend', 'dead-letters.purge', 'messages.cancel',
                                                  'messages.reschedule')),
    state           text NOT NULL CHECK (state IN ('held', 'running', 'paused', 'done', 'cancelled', 'failed')),
    selection       jsonb NOT NULL,  -- as it was asked for
    change          jsonb NOT NULL DEFAULT '{}',  -- what else is to be known: the new time of a reschedule
    customer_id     text,  -- whose messages alone it is about; NULL: those of all
    incarnation     bigint,  -- of that customer when the job was made; NULL: nobody had the id
    low             uuid NOT NULL,
    high            uuid NOT NULL,
    reached         uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    rate            integer CHECK (rate > 0),  -- messages per second; NULL: no limit
    matched         bigint NOT NULL,  -- how many there were when it was made
    done            bigint NOT NULL DEFAULT 0,
    skipped         bigint NOT NULL DEFAULT 0,  -- what had gone elsewhere when its turn came
    next_step_at    timestamptz NOT NULL,
    failures        integer NOT NULL DEFAULT 0,  -- steps in a row that could not be done
    error           text,
    idempotency_key text,
    body_hash       bytea,
    requested_by    text NOT NULL,
    request_id      text,
    created_at      timestamptz NOT NULL,
    started_at      timestamptz,
    finished_at     timestamptz,
    UNIQUE (requested_by, idempotency_key)
) WITH (fillfactor = 50);
CREATE INDEX jobs_running ON jobs (next_step_at) WHERE state = 'running';
CREATE INDEX jobs_unfinished ON jobs (customer_id) WHERE state IN ('held', 'running', 'paused');
