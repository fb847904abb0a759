"""Full tables: as months of use leave them, many due later and many more delivered, or as a day of many customers."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg

from bench.backlog import CONTENT
from bench.installation import Installation
from sendoff_db.partitions import cover_moments
from sendoff_db.sql import read_statement

_DAYS = 30
_PART = 100_000
_FILLERS = 2


def fill(site: Installation, due: int, delivered: int, late: int) -> None:
    """Put so many rows into the tables, `late` of them due by now, in small transactions; then vacuum and analyze."""
    _fill(site, {"insert_history": delivered, "insert_future": due}, {"late": late})


def fill_day(site: Installation, messages: int, customers: int) -> None:
    """Put a day of so many messages of so many new customers into the tables; a tenth of them are dead letters."""
    site.db.execute(read_statement("bench", "insert_customers"), {"count": customers})
    _fill(site, {"insert_day": messages}, {"customers": customers, "content": CONTENT})


def _fill(site: Installation, counts: Mapping[LiteralString, int], values: Mapping[str, Any]) -> None:
    url = site.environment["SENDOFF_POSTGRES__URL"]
    asyncio.run(_make_room(url))
    parts = [
        (statement, {**values, "count": count, "first": first, "size": min(_PART, count - first)})
        for statement, count in counts.items()
        for first in range(0, count, _PART)
    ]
    with ThreadPoolExecutor(_FILLERS) as fillers:
        list(fillers.map(lambda part: _insert(url, *part), parts))
    site.db.execute(b"VACUUM (ANALYZE) customers, due, messages, deliveries, retries, dead_letters")
    site.db.execute(b"CHECKPOINT")  # or it would come in the midst of what is measured


def _insert(url: str, statement: LiteralString, values: Mapping[str, Any]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(read_statement("bench", statement), values)


async def _make_room(url: str) -> None:
    now = datetime.now(UTC)
    moments = [now - timedelta(days=day) for day in range(_DAYS + 1)]
    async with await psycopg.AsyncConnection.connect(url) as connection:
        for table in ("messages", "deliveries"):
            await cover_moments(connection, table, "day", moments)
