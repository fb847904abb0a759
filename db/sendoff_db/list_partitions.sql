-- Lists the partitions of one table with the bounds of their range, as text.
-- The bound of a partition that is dropped at this moment reads as null, whatever the snapshot says: it is left out.
WITH listed AS MATERIALIZED (
    SELECT child.relname AS name,
           regexp_match(pg_get_expr(child.relpartbound, child.oid), 'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') AS bounds
      FROM pg_inherits
      JOIN pg_class child ON child.oid = inhrelid
      JOIN pg_class parent ON parent.oid = inhparent
     WHERE parent.relname = %(parent)s AND parent.relnamespace = current_schema()::regnamespace
)
SELECT name, bounds[1], bounds[2] FROM listed WHERE bounds IS NOT NULL
