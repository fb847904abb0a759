-- Records messages as sent if their claim still holds: takes them out of due, into deliveries. Returns how many it moved.
WITH sent AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[], %(created)s::float8[], %(sent)s::float8[],
                         %(statuses)s::smallint[], %(durations)s::integer[], %(external)s::text[])
        AS sent (message_id, token, created_at, sent_at, status_code, duration_us, external_message_id)
), gone AS (
    DELETE FROM due USING sent WHERE due.message_id = sent.message_id AND due.token = sent.token
 RETURNING due.message_id, due.customer_id, due.generation, due.token, due.attempt + 1, due.due_at,
           to_timestamp(sent.created_at), to_timestamp(sent.sent_at), sent.status_code, sent.duration_us,
           sent.external_message_id
), recorded AS (
    INSERT INTO deliveries (message_id, customer_id, generation, token, attempts, due_at, created_at, sent_at,
                            status_code, duration_us, external_message_id)
    SELECT * FROM gone
 RETURNING 1
)
SELECT count(*) FROM recorded
