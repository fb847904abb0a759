"""Has statements planned along an index, also where the planner would rather read more and sort it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncCursor

from sendoff_db.failures import raise_for
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import Row, read_statement, run


@asynccontextmanager
async def in_index_order(connection: Connection) -> AsyncIterator[None]:
    """A transaction in which statements read in the order of an index if there is one that has it.

    For pages of a list. A value that came into use after the statistics were made is taken for rare, and a planner that
    may sort reads all rows of it to find the few of one page (https://www.postgresql.org/docs/current/planner-stats.html).
    """
    async with connection.transaction():
        await walk_indexes(connection)
        yield


async def walk_indexes(connection: Connection) -> None:
    """Have the statements of this transaction walk along an index; a pipeline is a transaction, too.

    For a hot table a plan that was made while it was empty stays: it walks the whole table later, or gathers a bitmap
    of all that has gone since the last vacuum, again and again, where a walk along the index forgets that.
    """
    await run(connection, __package__, "walk_indexes")


async def run_in_index_order(
    connection: Connection, package: str, name: str, values: Mapping[str, Any] | None = None
) -> "AsyncCursor[Row]":
    """Run `<name>.sql` of that package as `walk_indexes` says, in one round trip; the cursor has its rows."""
    async with connection.pipeline():
        await walk_indexes(connection)
        return await connection.execute(read_statement(package, name), values)


async def ask_in_index_order(pool: Pool, package: str, name: str, values: Mapping[str, Any] | None = None) -> list[Row]:
    """As `sql.ask`, as `walk_indexes` says."""
    try:
        async with pool.connection() as connection:
            return await (await run_in_index_order(connection, package, name, values)).fetchall()
    except Exception as error:  # noqa: BLE001  it is raised again
        raise_for(error, name)
