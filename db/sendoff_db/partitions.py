"""Partitions of the time-partitioned tables: made ahead of time here, dropped by `retention`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg import sql

from sendoff_db.clock import read_now
from sendoff_db.locks import PARTITIONS
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import fetch_all
from sendoff_domain.ids import created_at, first_uuid_at

#: The partitioned tables, and whether their key is an id (a UUIDv7) or a moment.
TABLES = {"messages": "id", "deliveries": "moment", "attempts": "moment"}


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its table's name and its time range, the end not included."""

    table: str
    name: str
    start: datetime
    end: datetime


async def list_partitions(connection: Connection, table: str) -> list[Partition]:
    """All partitions of a table as the catalogue has them, oldest first; one that is dropped meanwhile is left out."""
    rows = await fetch_all(connection, __package__, "list_partitions", {"parent": table})
    return sorted(
        (Partition(table, name, _moment(low), _moment(high)) for name, low, high in rows), key=lambda part: part.start
    )


async def make_partitions(
    connection: Connection, every: Literal["day", "hour"], ahead: int, now: datetime | None = None
) -> int:
    """Make what is missing from one step before `now` to `ahead` steps after it; returns how many were made.

    Without `now` it is the database's clock that counts, whatever this machine's says.

    A step overlaps nothing that exists: after a change from days to hours the new size starts where the old one ends.
    Runs in one transaction under an advisory lock, so that any number of instances may call it.
    """
    made = 0
    async with connection.transaction():
        await connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (PARTITIONS,))
        now = now or await read_now(connection)
        for table in TABLES:
            existing = await list_partitions(connection, table)
            for start, end in missing_ranges(existing, every, ahead, now):
                await make_partition(connection, table, start, end)
                made += 1
    return made


async def cover_moments(
    connection: Connection, table: str, every: Literal["day", "hour"], moments: Iterable[datetime]
) -> None:
    """Make the partitions that rows of these moments need and that are gone, within the caller's transaction."""
    wanted = sorted(moments)
    if not wanted:
        return
    await connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (PARTITIONS,))
    for moment in wanted:
        for start, end in missing_ranges(await list_partitions(connection, table), every, 0, moment):
            await make_partition(connection, table, start, end)


async def ensure_partitions(
    pool: Pool, table: str, every: Literal["day", "hour"], unix_seconds: Iterable[float]
) -> None:
    """Make the partitions that rows of these moments need: none was made ahead for days, or theirs was dropped."""
    hours = {datetime.fromtimestamp(seconds // 3600 * 3600, UTC) for seconds in unix_seconds}
    async with pool.connection() as connection, connection.transaction():
        await cover_moments(connection, table, every, hours)


def missing_ranges(
    existing: list[Partition], every: Literal["day", "hour"], ahead: int, now: datetime
) -> list[tuple[datetime, datetime]]:
    """The ranges from one step before `now` to `ahead` steps after it that no existing partition covers."""
    step = timedelta(days=1) if every == "day" else timedelta(hours=1)
    base = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if every == "day":
        base = base.replace(hour=0)
    wanted = [(base + step * n, base + step * (n + 1)) for n in range(-1, ahead + 1)]
    taken = [(part.start, part.end) for part in existing]
    return [gap for start, end in wanted for gap in _uncovered(start, end, taken)]


def _uncovered(
    start: datetime, end: datetime, taken: list[tuple[datetime, datetime]]
) -> list[tuple[datetime, datetime]]:
    gaps = []
    for low, high in sorted(taken):
        if high <= start or low >= end:
            continue
        if low > start:
            gaps.append((start, low))
        start = max(start, high)
    return [*gaps, (start, end)] if start < end else gaps


async def make_partition(connection: Connection, table: str, start: datetime, end: datetime) -> str:
    """Make one partition and attach it; returns its name.

    Attaching a table that was made beside the parent takes a lock that lets reads and writes go on, which
    CREATE TABLE ... PARTITION OF would not (PostgreSQL documentation, 5.12.2.2).
    """
    name = f"{table}_{start:%Y%m%d%H%M}_{end:%Y%m%d%H%M}"
    low, high = _bounds(table, start, end)
    parent, child = sql.Identifier(table), sql.Identifier(name)
    await connection.execute(
        sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(child, parent)
    )
    await connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            parent, child, sql.Literal(low), sql.Literal(high)
        )
    )
    return name


def _bounds(table: str, start: datetime, end: datetime) -> tuple[str, str]:
    if TABLES[table] == "id":
        return str(first_uuid_at(start)), str(first_uuid_at(end))
    return start.isoformat(), end.isoformat()


def _moment(bound: str) -> datetime:
    if len(bound) == 36 and bound.count("-") == 4:
        return created_at(UUID(bound))
    return datetime.fromisoformat(bound).astimezone(UTC)
