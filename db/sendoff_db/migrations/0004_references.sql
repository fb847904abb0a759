-- The sender's own id of a message, where it gave one, and the index that finds it; a message without one has no entry.
ALTER TABLE messages ADD COLUMN reference text;
ALTER TABLE dead_letters ADD COLUMN reference text;
CREATE INDEX dead_letters_reference ON dead_letters (reference, message_id) WHERE reference IS NOT NULL;

-- Partitions that are made from now on get the index by themselves. Of those that are there only the ones that may still
-- take messages are read for it: no other can have a reference, and to read them all would hold up accepting and sending.
-- A search begins at first_reference_id().
CREATE INDEX messages_reference ON ONLY messages (reference, id) WHERE reference IS NOT NULL;
DO $$
DECLARE
    recent  uuid := (lpad(to_hex((extract(epoch FROM date_trunc('day', now(), 'UTC')) * 1000)::bigint - 86400000), 12, '0')
                     || repeat('0', 20))::uuid;
    begins  uuid := '00000000-0000-0000-0000-000000000000';
    part    record;
BEGIN
    FOR part IN
        SELECT child.oid, child.relname,
               (regexp_match(pg_get_expr(child.relpartbound, child.oid), 'TO \(''([^'']+)''\)'))[1]::uuid AS ends
          FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
         WHERE inhparent = 'messages'::regclass
    LOOP
        IF part.ends <= recent THEN
            begins := greatest(begins, part.ends);
        ELSE
            EXECUTE format('CREATE INDEX %I ON %s (reference, id) WHERE reference IS NOT NULL',
                           part.relname || '_reference', part.oid::regclass);
            EXECUTE format('ALTER INDEX messages_reference ATTACH PARTITION %I', part.relname || '_reference');
        END IF;
    END LOOP;
    EXECUTE format('CREATE FUNCTION first_reference_id() RETURNS uuid LANGUAGE sql IMMUTABLE RETURN %L::uuid', begins);
END $$;
