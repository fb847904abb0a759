"""The plans for all values of their parameters that PostgreSQL keeps in the connections of a pool."""

from sendoff_db.pool import Pool

_PREPARED = b"SELECT name, statement, cardinality(parameter_types) FROM pg_prepared_statements WHERE generic_plans > 0"


async def kept_plans(pool: Pool, word: str) -> list[str]:
    """Those of the statements with that word in their text, as EXPLAIN shows them."""
    found = []
    for _ in range(pool.max_size):
        connection = await pool.getconn()
        for name, statement, parameters in await (await connection.execute(_PREPARED)).fetchall():
            if word in " ".join(statement.split()):
                values = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
                rows = await (await connection.execute(f"EXPLAIN EXECUTE {name}{values}".encode())).fetchall()
                found.append("\n".join(row[0] for row in rows))
        await pool.putconn(connection)
    return found
