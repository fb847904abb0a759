"""Reads rows in the order of an index, also where the planner would rather sort them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncCursor

from sendoff_db.pool import Connection
from sendoff_db.sql import Row, read_statement, run


@asynccontextmanager
async def in_index_order(connection: Connection) -> AsyncIterator[None]:
    """A transaction in which statements read in the order of an index if there is one that has it.

    For pages of a list. A value that came into use after the statistics were made is taken for rare, and a planner that
    may sort reads all rows of it to find the few of one page (https://www.postgresql.org/docs/current/planner-stats.html).
    """
    async with connection.transaction():
        await forbid_sorting(connection)
        yield


async def forbid_sorting(connection: Connection) -> None:
    """Have the statements of this transaction planned in the order of an index; a pipeline is a transaction, too.

    For a hot table a plan that was made while it was empty stays: a bitmap then reads the entries of all that has gone
    since the last vacuum, again and again, where a walk along the index forgets them.
    """
    await run(connection, __package__, "forbid_sorting")


async def run_in_index_order(
    connection: Connection, package: str, name: str, values: Mapping[str, Any] | None = None
) -> "AsyncCursor[Row]":
    """Run `<name>.sql` of that package as `forbid_sorting` says, in one round trip; the cursor has its rows."""
    async with connection.pipeline():
        await forbid_sorting(connection)
        return await connection.execute(read_statement(package, name), values)
