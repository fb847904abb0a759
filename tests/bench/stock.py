"""A stock of messages as months of use leave it: many that are due later, many more that were delivered."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import LiteralString

import psycopg

from bench.installation import Installation
from sendoff_db.partitions import cover_moments
from sendoff_db.sql import read_statement

_DAYS = 30
_PART = 100_000
_FILLERS = 2


def fill(site: Installation, due: int, delivered: int, late: int) -> None:
    """Put so many rows into the tables, `late` of them due by now, in small transactions; then vacuum and analyze."""
    url = site.environment["SENDOFF_POSTGRES__URL"]
    asyncio.run(_make_room(url))
    parts = [*_parts("insert_history", delivered), *_parts("insert_future", due)]
    with ThreadPoolExecutor(_FILLERS) as fillers:
        list(fillers.map(lambda part: _insert(url, late, *part), parts))
    site.db.execute(b"VACUUM (ANALYZE) due, messages, deliveries, retries, dead_letters")
    site.db.execute(b"CHECKPOINT")  # or it would come in the midst of what is measured


def _parts(statement: LiteralString, count: int) -> list[tuple[LiteralString, int, int, int]]:
    return [(statement, count, first, min(_PART, count - first)) for first in range(0, count, _PART)]


def _insert(url: str, late: int, statement: LiteralString, count: int, first: int, size: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        values = {"count": count, "first": first, "size": size, "late": late}
        connection.execute(read_statement("bench", statement), values)


async def _make_room(url: str) -> None:
    now = datetime.now(UTC)
    moments = [now - timedelta(days=day) for day in range(_DAYS + 1)]
    async with await psycopg.AsyncConnection.connect(url) as connection:
        for table in ("messages", "deliveries"):
            await cover_moments(connection, table, "day", moments)
