-- Lets the planner walk a table, sort it, or gather its rows in a bitmap only where no index will do, until the transaction ends.
SELECT set_config(name, 'off', true)
  FROM unnest(ARRAY['enable_seqscan', 'enable_sort', 'enable_incremental_sort', 'enable_bitmapscan']) AS name
