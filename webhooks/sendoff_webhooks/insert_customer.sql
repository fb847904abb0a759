-- Adds a customer unless there is one of that id. One row if it was added.
INSERT INTO customers
SELECT given.*
  FROM jsonb_populate_record(
           NULL::customers,
           jsonb_build_object('version', 1, 'created_at', now(), 'updated_at', now()) || %(columns)s) AS given
    ON CONFLICT (id) DO NOTHING
RETURNING id
