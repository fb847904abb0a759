"""The database: schema and migrations, pool, statements, clock, locks, partitions and retention."""
