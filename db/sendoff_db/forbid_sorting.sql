-- Lets the planner sort, or gather rows in a bitmap, only where nothing else gives the order, until the transaction ends.
SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_sort', 'enable_incremental_sort', 'enable_bitmapscan']) AS name
