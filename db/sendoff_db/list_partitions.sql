-- The partitions of one table with the bounds of their range, as text.
SELECT child.relname,
       (regexp_match(pg_get_expr(child.relpartbound, child.oid), 'FROM \(''([^'']+)''\)'))[1],
       (regexp_match(pg_get_expr(child.relpartbound, child.oid), 'TO \(''([^'']+)''\)'))[1]
  FROM pg_inherits
  JOIN pg_class child ON child.oid = inhrelid
  JOIN pg_class parent ON parent.oid = inhparent
 WHERE parent.relname = %(parent)s AND parent.relnamespace = current_schema()::regnamespace
