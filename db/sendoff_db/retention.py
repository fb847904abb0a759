"""Drops what is older than the retention, whole partitions at a time, while delivery goes on."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import errors, sql

from sendoff_db.partitions import TABLES, Partition, list_partitions
from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.ids import first_uuid_at

#: Held while a partition is dropped; taken shared by what brings old messages back to life.
LOCK = 0x5E4D101
#: How long a drop may wait for a lock; readers and writers queue behind it for that long at most.
_LOCK_TIMEOUT = "200ms"


@dataclass(frozen=True, slots=True)
class Dropped:
    """What one run of the retention took away."""

    partitions: tuple[str, ...] = ()
    rows: int = 0


async def drop_expired(connection: Connection, retention: timedelta, now: datetime | None = None) -> Dropped:
    """Drop partitions that ended before `now - retention` and rows of the plain tables that are as old.

    A partition of messages stays whole as long as one of its messages is undelivered or has a delivery that is still
    kept. A partition whose lock is not to be had at once is left for the next run.
    """
    before = (now or datetime.now(UTC)) - retention
    dropped: list[str] = []
    for table in reversed(TABLES):  # deliveries and attempts first: they can hold back their messages
        expired = [part for part in await list_partitions(connection, table) if part.end <= before]
        dropped += [part.name for part in expired if await _drop(connection, part)]
    cursor = await connection.execute(read_statement("sendoff_db", "delete_expired_rows"), {"before": before})
    row = await cursor.fetchone()
    return Dropped(tuple(dropped), row[0] if row else 0)


async def _drop(connection: Connection, partition: Partition) -> bool:
    try:
        async with connection.transaction():
            await connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            await connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_LOCK_TIMEOUT)))
            if partition.table == "messages" and await _is_needed(connection, partition):
                return False
            await connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(partition.name)))
    except (errors.LockNotAvailable, errors.UndefinedTable):
        return False
    return True


async def _is_needed(connection: Connection, partition: Partition) -> bool:
    bounds = {"low": first_uuid_at(partition.start), "high": first_uuid_at(partition.end)}
    cursor = await connection.execute(read_statement("sendoff_db", "has_needed_messages"), bounds)
    row = await cursor.fetchone()
    return row is None or bool(row[0])
