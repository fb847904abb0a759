-- Lets the planner sort no more than what has one position, and walk no table, until the transaction ends.
-- A plan that was made while nothing had happened is kept, and would sort all that is not published yet in each turn.
SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_seqscan', 'enable_sort', 'enable_bitmapscan']) AS name
