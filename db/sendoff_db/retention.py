"""Drops what is older than the retention, whole partitions at a time, while delivery goes on."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import errors, sql

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
    b" set_config('idle_in_transaction_session_timeout', %(stall)s, true)"
)


@dataclass(frozen=True, slots=True)
class Dropped:
    """What one run of the retention took away, and the partitions at which it gave up since they were in use."""

    partitions: tuple[str, ...] = ()
    rows: int = 0
    in_use: tuple[str, ...] = ()


async def drop_expired(connection: Connection, retention: timedelta, now: datetime | None = None) -> Dropped:
    """Drop partitions that ended before `now - retention` and rows of the plain tables that are as old.

    A partition of messages stays whole as long as one of its messages is undelivered or has a delivery that is still
    kept. A lock that is not free leaves the rest of its table for the next run: all queries would wait
    behind ours, and the session that has the lock would as a rule be in the way of the next partition, too.
    """
    before = (now or datetime.now(UTC)) - retention
    dropped: list[str] = []
    in_use: list[str] = []
    for table in reversed(TABLES):  # deliveries and attempts first: they can hold back their messages
        for part in await list_partitions(connection, table):
            try:
                if part.end <= before and await _drop(connection, part):
                    dropped.append(part.name)
            except errors.LockNotAvailable:
                in_use.append(part.name)
                break
    row = await fetch_one(connection, __package__, "delete_expired_rows", {"before": before})
    return Dropped(tuple(dropped), row[0] if row else 0, tuple(in_use))


async def _drop(connection: Connection, partition: Partition) -> bool:
    try:
        async with connection.transaction():
            await connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (RETENTION,))
            await connection.execute(_LIMITS, {"lock": _LOCK_TIMEOUT, "stall": _STALL_TIMEOUT})
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
