"""The plans for all values of their parameters that PostgreSQL keeps in the connections of a pool."""

from collections.abc import Awaitable, Callable

from sendoff_db.pool import Connection, Pool

_PREPARED = b"SELECT name, statement, cardinality(parameter_types) FROM pg_prepared_statements WHERE generic_plans > 0"


async def kept_plans(pool: Pool, word: str, prepare: Callable[[Connection], Awaitable[None]]) -> list[str]:
    """Those of the statements with that word in their text, as EXPLAIN shows them.

    `prepare` sets in the transaction what is set where they run: autovacuum may come before the EXPLAIN, which then
    has to make a plan anew.
    """
    found = []
    for _ in range(pool.max_size):
        connection = await pool.getconn()
        for name, statement, parameters in await (await connection.execute(_PREPARED)).fetchall():
            if word in " ".join(statement.split()):
                values = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
                async with connection.transaction():
                    await prepare(connection)
                    rows = await (await connection.execute(f"EXPLAIN EXECUTE {name}{values}".encode())).fetchall()
                found.append("\n".join(row[0] for row in rows))
        await pool.putconn(connection)
    return found
