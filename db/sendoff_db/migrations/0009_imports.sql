-- Imports: their lines are uploaded in pieces, which wait here until a step takes them, one in each transaction.
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_kind_check CHECK (
    kind IN ('dead-letters.resend', 'dead-letters.purge', 'messages.cancel', 'messages.reschedule', 'messages.import',
             'messages.export'));
ALTER TABLE jobs
    ADD COLUMN rejected   bigint NOT NULL DEFAULT 0,  -- lines that are no message, or that may not be taken
    ADD COLUMN rejections   jsonb NOT NULL DEFAULT '[]',  -- the first of them, each with its line and its mistakes
    ADD COLUMN pieces     integer NOT NULL DEFAULT 0,  -- how many were uploaded
    ADD COLUMN lines      bigint NOT NULL DEFAULT 0,  -- how many lines these had, empty ones too
    ADD COLUMN held_bytes bigint NOT NULL DEFAULT 0;  -- of the pieces that are still there
CREATE INDEX jobs_holding ON jobs (held_bytes) WHERE held_bytes > 0;
CREATE TABLE job_pieces (
    job_id     uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    number     integer NOT NULL,
    first_line bigint NOT NULL,
    taken      integer NOT NULL DEFAULT 0,  -- lines that were taken; empty ones don't count
    body_hash  bytea NOT NULL,
    body       bytea NOT NULL,  -- compressed
    PRIMARY KEY (job_id, number)
);
ALTER TABLE job_pieces ALTER COLUMN body SET STORAGE EXTERNAL;
