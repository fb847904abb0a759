"""What every slice shares: schema, migrations, pool, partitions, the clock of the database."""
