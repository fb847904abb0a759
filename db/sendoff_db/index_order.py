"""Reads rows in the order of an index, also where the planner would rather sort them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sendoff_db.pool import Connection
from sendoff_db.sql import walk_indexes


@asynccontextmanager
async def in_index_order(connection: Connection) -> AsyncIterator[None]:
    """A transaction in which statements read in the order of an index if there is one that has it.

    For pages of a list. A value that came into use after the statistics were made is taken for rare, and a planner that
    may sort reads all rows of it to find the few of one page (https://www.postgresql.org/docs/current/planner-stats.html).
    """
    async with connection.transaction():
        await walk_indexes(connection)
        yield
