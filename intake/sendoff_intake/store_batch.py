"""Stores many entries in one transaction: while PostgreSQL writes some, the next ones are made."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from psycopg import DataError, IntegrityError, OperationalError

from sendoff_config.settings import PartitionSettings
from sendoff_db.pool import Pool
from sendoff_intake.statements import insert
from sendoff_intake.store import store_each
from sendoff_intake.submission import Entry, Result

#: A transaction that takes longer has lost its server; the client is told that the outcome is unknown.
_PATIENCE_SECONDS = 20

#: How many batches may be written at a time: each holds a connection, and other requests need some too.
BATCHES: web.AppKey[asyncio.Semaphore] = web.AppKey("batches", asyncio.Semaphore)


async def store_batch(
    pool: Pool, partitions: PartitionSettings, next_chunk: Callable[[], Awaitable[list[Entry] | None]]
) -> list[Result | Exception]:
    """Store all that `next_chunk` gives until it gives None; a row that is refused has its error as its result.

    It returns after the commit that holds everything. The chunks are cut by the places of the items in their batch:
    two batches with the same key take their keys in the same order and never wait for each other in a circle.
    """
    taken: list[Entry] = []

    async def take() -> list[Entry] | None:
        chunk = await next_chunk()
        taken.extend(chunk or ())
        return chunk

    try:
        return await _write(pool, take)
    except (OperationalError, DataError, IntegrityError):
        # A refused row, a lost connection, a missing partition: the careful way copes with each of them. `repeated`,
        # because the commit may have happened although its answer was lost.
        while await take() is not None:
            pass
        return await store_each(pool, partitions, taken, repeated=True)


async def _write(pool: Pool, take: Callable[[], Awaitable[list[Entry] | None]]) -> list[Result | Exception]:
    results: list[Result | Exception] = []
    writing: asyncio.Task[list[Result]] | None = None
    async with asyncio.timeout(_PATIENCE_SECONDS), pool.connection() as connection, connection.transaction():
        try:
            while (entries := await take()) is not None:
                if writing is not None:
                    results += await writing
                writing = asyncio.create_task(insert(connection, entries, repeated=False))
            if writing is not None:
                results += await writing
        finally:
            if writing is not None and not writing.done():  # nothing may end the transaction in the midst of it
                await asyncio.wait([writing])
    return results
