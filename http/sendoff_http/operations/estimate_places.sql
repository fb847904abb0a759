-- Estimates the rows of each place by PostgreSQL's statistics: exact counts would read whole tables.
SELECT parent.relname, sum(greatest(leaf.reltuples, 0))::bigint
  FROM pg_class AS parent
 CROSS JOIN LATERAL pg_partition_tree(parent.oid) AS tree
  JOIN pg_class AS leaf ON leaf.oid = tree.relid
 WHERE parent.relnamespace = current_schema()::regnamespace AND tree.isleaf
   AND parent.relname IN ('deliveries')
 GROUP BY parent.relname
 UNION ALL
SELECT relname, greatest(reltuples, 0)::bigint
  FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace
   AND relname IN ('due', 'retries', 'dead_letters', 'cancellations')
