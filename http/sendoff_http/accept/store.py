"""Writes entries into the database with one statement."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from psycopg import DataError, IntegrityError, OperationalError, errors

from sendoff_db.partitions import make_partitions
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import read_statement
from sendoff_domain.settings import PartitionSettings
from sendoff_http.accept.arrays import moment_array, plain_array, text_array
from sendoff_http.accept.entry import Entry, KeyReused, Result, Stored, UnknownCustomer

#: A statement that takes longer has lost its server; the client is told that the outcome is unknown.
_PATIENCE_SECONDS = 5
#: After a restart of PostgreSQL each connection of the pool may be a broken one.
_PAUSES = (0.0, 0.05, 0.2, 0.5, 1.0)


async def store(pool: Pool, partitions: PartitionSettings, entries: Sequence[Entry]) -> list[Result]:
    """Store all entries in one transaction; the results are in the order of the entries.

    It is repeated when the connection breaks: the ids are ours, so what was stored already is not stored again.
    Raises psycopg.OperationalError or TimeoutError when the outcome is unknown, psycopg.DataError and its like when
    the database refuses a row, and then nothing is stored.
    """
    async with asyncio.timeout(_PATIENCE_SECONDS):
        for pause in _PAUSES:
            with contextlib.suppress(OperationalError):
                return await _attempt(pool, partitions, entries)
            await asyncio.sleep(pause)
        return await _attempt(pool, partitions, entries)


async def _attempt(pool: Pool, partitions: PartitionSettings, entries: Sequence[Entry]) -> list[Result]:
    async with pool.connection() as connection:
        try:
            return await _store(connection, entries)
        except errors.CheckViolation:
            # No partition for this moment: nobody has made any ahead for days. Then it is made here.
            await make_partitions(connection, partitions.every, partitions.ahead, datetime.now(UTC))
            return await _store(connection, entries)


async def store_each(pool: Pool, partitions: PartitionSettings, entries: Sequence[Entry]) -> list[Result | Exception]:
    """The same, but a row that the database refuses does not fail its neighbours: its error is its result."""
    try:
        return list(await store(pool, partitions, entries))
    except (DataError, IntegrityError) as error:
        if len(entries) == 1:
            return [error]
    half = len(entries) // 2
    first = await store_each(pool, partitions, entries[:half])
    return first + await store_each(pool, partitions, entries[half:])


async def _store(connection: Connection, entries: Sequence[Entry]) -> list[Result]:
    cursor = await connection.execute(read_statement("sendoff_http.accept", "accept_messages"), _columns(entries))
    rows = await cursor.fetchall()
    return [_result(entry, *row) for entry, row in zip(entries, rows, strict=True)]


def _columns(entries: Sequence[Entry]) -> dict[str, str]:
    return {
        "ids": plain_array(entry.message_id.hex for entry in entries),
        "customers": text_array(entry.message.customer for entry in entries),
        "recipients": text_array(entry.message.to for entry in entries),
        "payloads": text_array(entry.payload for entry in entries),
        "given": moment_array(entry.message.deliver_at for entry in entries),
        "delays": plain_array(_microseconds(entry.message.delay) for entry in entries),
        "expiries": moment_array(entry.message.expires_at for entry in entries),
        "created": moment_array(entry.created_at for entry in entries),
        "keys": text_array(entry.key for entry in entries),
        "hashes": plain_array(None if entry.body_hash is None else entry.body_hash.hex() for entry in entries),
    }


def _microseconds(delay: timedelta | None) -> str | None:
    return None if delay is None else str(delay // timedelta(microseconds=1))


def _result(entry: Entry, known: bool, message_id: object, same_body: bool, deliver_at: datetime) -> Result:
    if not known:
        return UnknownCustomer()
    if message_id == entry.message_id:
        return Stored(entry.message_id, deliver_at)
    if not same_body:
        return KeyReused()
    return Stored(message_id, deliver_at or entry.created_at, replayed=True)  # type: ignore[arg-type]  # a uuid column
