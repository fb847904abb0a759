"""Messages in the database as the API leaves them, without an API."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from sendoff_db.sql import read_statement
from sendoff_domain.ids import hex_uuid7


async def accept(
    db: AsyncConnection[Any],
    count: int = 1,
    *,
    customer: str = "default",
    delay: timedelta = timedelta(0),
    expires_at: datetime | None = None,
    retry: str | None = None,
    trace: str | None = None,
) -> list[UUID]:
    """Store messages of a customer, due after `delay`; returns their ids in the order in which they are due."""
    now = datetime.now(UTC)
    created = int(now.timestamp() * 1000)
    ids = [UUID(hex=hex_uuid7(created, secrets.token_bytes(10))) for _ in range(count)]
    values = {
        "ids": ids,
        "customers": [customer] * count,
        "recipients": ["bob"] * count,
        "payloads": [f'{{"id":"msg_{one.hex}","to":"bob","content":"hello","metadata":{{}}}}' for one in ids],
        "given": [now + delay + timedelta(microseconds=position) for position in range(count)],
        "delays": [None] * count,
        "expiries": [expires_at] * count,
        "created": [created] * count,
        "retries": [retry] * count,
        "references": [None] * count,
        "traces": [trace] * count,
        "named": [customer],
    }
    row = await (await db.execute(read_statement("sendoff_intake", "accept_new_messages"), values)).fetchone()
    assert row is not None
    assert row[1] == [], f"there is no customer {customer}"
    return ids
