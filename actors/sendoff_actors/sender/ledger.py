"""What the Sender writes to PostgreSQL: sent, still held, given back. All of it is fenced by the tokens."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg import IntegrityError, OperationalError
from psycopg_pool import PoolTimeout

from sendoff_actors.sender.held import Held
from sendoff_actors.sender.markers import Marker
from sendoff_db.pool import Pool
from sendoff_db.sql import read_statement
from sendoff_domain.errors import UnavailableError
from sendoff_domain.ids import created_at


class Ledger:
    """Runs the Sender's statements; raises UnavailableError when PostgreSQL does not take them."""

    def __init__(self, pool: Pool, lease: timedelta) -> None:
        self._pool = pool
        self._lease = lease

    async def record_sent(self, sent: Sequence[tuple[Held, Marker]]) -> set[UUID]:
        """Record deliveries; returns those whose claim still held (the others were taken over by a newer claim)."""
        markers = [marker for _, marker in sent]
        rows = await self._run(
            "record_sent",
            {
                **_fence([held for held, _ in sent]),
                "created": [created_at(held.id) for held, _ in sent],
                "sent": [datetime.fromtimestamp(marker.sent_at, UTC) for marker in markers],
                "statuses": [marker.status_code for marker in markers],
                "durations": [marker.duration_us for marker in markers],
                "external": [marker.external_message_id for marker in markers],
            },
        )
        return {row[0] for row in rows}

    async def renew(self, held: Sequence[Held]) -> dict[UUID, float]:
        """Prolong leases; returns the new end of each that still held, in Unix seconds of the database's clock."""
        rows = await self._run("renew_leases", {**_fence(held), "lease": self._lease})
        return dict(rows)

    async def release(self, held: Sequence[Held]) -> None:
        """Give back what was not sent."""
        await self._run("release_unsent", _fence(held))

    async def _run(self, statement: LiteralString, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(read_statement(__package__, statement), values)
                return await cursor.fetchall() if cursor.description else []
        except (OperationalError, IntegrityError, PoolTimeout) as error:  # integrity: a partition is not made yet
            raise UnavailableError(f"PostgreSQL did not take {statement}: {error}") from error


def _fence(held: Sequence[Held]) -> dict[str, Any]:
    return {"ids": [one.id for one in held], "tokens": [one.claimed.token for one in held]}
