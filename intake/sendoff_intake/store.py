"""Writes entries into the database: each once, and what cannot be written does not hold back the rest."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime

from psycopg import DataError, IntegrityError, OperationalError, errors

from sendoff_config.settings import PartitionSettings
from sendoff_db.partitions import make_partitions
from sendoff_db.pool import Pool
from sendoff_intake.statements import insert
from sendoff_intake.submission import Entry, Result

#: A statement that takes longer has lost its server; the client is told that the outcome is unknown.
_PATIENCE_SECONDS = 5
#: After a restart of PostgreSQL each connection of the pool may be a broken one.
_PAUSES = (0.0, 0.05, 0.2, 0.5, 1.0)


async def store(
    pool: Pool, partitions: PartitionSettings, entries: Sequence[Entry], *, repeated: bool = False
) -> list[Result]:
    """Store all entries in one transaction; the results are in the order of the entries.

    It is repeated when the connection breaks: the ids are ours, so what was stored already is not stored again.
    Raises psycopg.OperationalError or TimeoutError when the outcome is unknown, psycopg.DataError and its like when
    the database refuses a row, and then nothing is stored.
    """
    async with asyncio.timeout(_PATIENCE_SECONDS):
        for pause in _PAUSES:
            with contextlib.suppress(OperationalError):
                return await _attempt(pool, partitions, entries, repeated)
            repeated = True
            await asyncio.sleep(pause)
        return await _attempt(pool, partitions, entries, repeated)


async def _attempt(pool: Pool, partitions: PartitionSettings, entries: Sequence[Entry], repeated: bool) -> list[Result]:
    async with pool.connection() as connection:
        try:
            return await insert(connection, entries, repeated=repeated)
        except errors.CheckViolation:
            # No partition for this moment: nobody has made any ahead for days. Then it is made here.
            await make_partitions(connection, partitions.every, partitions.ahead, datetime.now(UTC))
            return await insert(connection, entries, repeated=repeated)


async def store_each(
    pool: Pool, partitions: PartitionSettings, entries: Sequence[Entry], *, repeated: bool = False
) -> list[Result | Exception]:
    """The same, but a row that the database refuses does not fail its neighbours: its error is its result."""
    try:
        return list(await store(pool, partitions, entries, repeated=repeated))
    except (DataError, IntegrityError) as error:
        if len(entries) == 1:
            return [error]
    half = len(entries) // 2
    first = await store_each(pool, partitions, entries[:half], repeated=repeated)
    return first + await store_each(pool, partitions, entries[half:], repeated=repeated)
