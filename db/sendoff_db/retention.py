"""Takes away what is older than the retention, whole partitions where possible, while delivery goes on.

What is left of a partition that is still needed, and old rows of the plain tables, go in small steps.
"""

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import errors, sql

from sendoff_db.clock import read_now
from sendoff_db.locks import RETENTION
from sendoff_db.partitions import TABLES, Partition, list_partitions
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_one
from sendoff_domain.ids import first_uuid_at

#: How long a drop may wait for a lock; readers and writers queue behind it for that long at most.
_LOCK_TIMEOUT = "100ms"
#: A process that freezes between the drop and its commit holds the lock so long at most.
_STALL_TIMEOUT = "2s"
_LIMITS = (
    b"SELECT set_config('lock_timeout', %(lock)s, true),"
    b" set_config('idle_in_transaction_session_timeout', %(stall)s, true),"
    b" set_config('statement_timeout', %(step)s, true)"
)
#: Rows of one step, how long its statement may take, and how long one run goes on with single messages (seconds).
_STEP_ROWS = 1000
_STEP_TIMEOUT = "2s"
_LONGEST_TRIM = 30.0


@dataclass(frozen=True, slots=True)
class Dropped:
    """What one run of the retention took away, and the partitions at which it gave up since they were in use."""

    partitions: tuple[str, ...] = ()
    rows: int = 0
    messages: int = 0
    in_use: tuple[str, ...] = ()


async def drop_expired(connection: Connection, retention: timedelta, now: datetime | None = None) -> Dropped:
    """Drop partitions that ended before `now - retention`, and delete rows of the plain tables that are as old.

    Of a partition of messages of which one is undelivered, or was delivered or cancelled since then, the others are
    deleted, a thousand at a time. A lock that is not free leaves the rest of its table for the next run: all queries
    would wait behind ours, and the session that has the lock would as a rule be in the way of the next partition, too.
    """
    before = (now or await read_now(connection)) - retention
    rows = await _delete_rows(connection, before)
    dropped: list[Partition] = []
    in_use: list[str] = []
    needed: list[Partition] = []
    for table in reversed(TABLES):  # deliveries and attempts first: they can hold back their messages
        for part in await list_partitions(connection, table):
            try:
                if part.end <= before:
                    (dropped if await _drop(connection, part) else needed).append(part)
            except errors.LockNotAvailable:
                in_use.append(part.name)
                break
    return Dropped(tuple(part.name for part in dropped), rows, await _trim_all(connection, needed), tuple(in_use))


async def _delete_rows(connection: Connection, before: datetime) -> int:
    deleted = 0
    while (row := await fetch_one(connection, __package__, "delete_expired_rows", {"before": before})) and row[0]:
        deleted += row[0]
    return deleted


async def _trim_all(connection: Connection, partitions: list[Partition]) -> int:
    """Delete what nothing needs any more; what the time does not suffice for is left for the next run."""
    until = time.monotonic() + _LONGEST_TRIM
    deleted = 0
    for part in random.sample(partitions, len(partitions)):
        try:
            deleted += await _trim(connection, part, until)
        except (errors.LockNotAvailable, errors.QueryCanceled):  # somebody resends much, or the server is busy
            break
    return deleted


async def _trim(connection: Connection, partition: Partition, until: float) -> int:
    """Delete from one partition, from somewhere in it on and around, so that no run finds always the same."""
    start = partition.start + (partition.end - partition.start) * random.random()  # noqa: S311  spreads work
    low, middle, high = (first_uuid_at(moment) for moment in (partition.start, start, partition.end))
    deleted = 0
    for after, end in ((middle, high), (low, middle)):
        last: UUID | None = after
        while last is not None and time.monotonic() < until:
            began = time.monotonic()
            count, last = await _trim_step(connection, last, end)
            deleted += count
            await asyncio.sleep(time.monotonic() - began)  # half of the time is for others
    return deleted


async def _trim_step(connection: Connection, low: UUID, high: UUID) -> tuple[int, UUID | None]:
    """Returns how many rows were deleted, and where the next step begins; None after the last one."""
    async with connection.transaction():
        await connection.execute(_LIMITS, {"lock": _LOCK_TIMEOUT, "stall": _STALL_TIMEOUT, "step": _STEP_TIMEOUT})
        await connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (RETENTION,))
        values = {"low": low, "high": high, "most": _STEP_ROWS}
        row = await fetch_one(connection, __package__, "delete_unneeded_messages", values)
    return row if row is not None else (0, None)


async def _drop(connection: Connection, partition: Partition) -> bool:
    try:
        async with connection.transaction():
            await connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (RETENTION,))
            await connection.execute(_LIMITS, {"lock": _LOCK_TIMEOUT, "stall": _STALL_TIMEOUT, "step": "0"})
            if partition.table == "messages" and await _is_needed(connection, partition):
                return False
            await connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(partition.name)))
    except errors.UndefinedTable:  # another instance was faster
        return False
    return True


async def _is_needed(connection: Connection, partition: Partition) -> bool:
    bounds = {"low": first_uuid_at(partition.start), "high": first_uuid_at(partition.end)}
    row = await fetch_one(connection, __package__, "has_needed_messages", bounds)
    return row is None or bool(row[0])
