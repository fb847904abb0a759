"""What the Sender writes to PostgreSQL: sent, still held, given back. All of it is fenced by the tokens."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, LiteralString

from psycopg import IntegrityError, OperationalError
from psycopg_pool import PoolTimeout

from sendoff_actors.sender.claimed_message import ClaimedMessage
from sendoff_actors.sender.markers import Marker
from sendoff_db.packed_arrays import PackedArray, pack_bigints, pack_floats, pack_optional_texts, pack_uuids
from sendoff_db.pool import Pool
from sendoff_db.sql import read_statement
from sendoff_domain.errors import UnavailableError
from sendoff_domain.ids import created_seconds


class Completer:
    """Runs the Sender's statements; raises UnavailableError when PostgreSQL does not take them.

    Messages go in and come out by their hexadecimal ids.
    """

    def __init__(self, pool: Pool, lease: timedelta) -> None:
        self._pool = pool
        self._lease = lease

    async def record_sent(self, sent: Sequence[tuple[ClaimedMessage, Marker]]) -> int:
        """Record deliveries; returns how many claims still held (the others were taken over by a newer claim)."""
        markers = [marker for _, marker in sent]
        ((recorded,),) = await self._run(
            "record_sent",
            {
                **_fence([held for held, _ in sent]),
                "created": pack_floats([created_seconds(held.claimed.id) for held, _ in sent]),
                "sent": pack_floats([marker.sent_at for marker in markers]),
                "statuses": pack_bigints([marker.status_code for marker in markers]),
                "durations": pack_bigints([marker.duration_us for marker in markers]),
                "external": pack_optional_texts([marker.external_message_id for marker in markers]),
            },
        )
        return int(recorded)

    async def renew(self, held: Sequence[ClaimedMessage]) -> dict[str, float]:
        """Prolong leases; returns the new end of each that still held, in Unix seconds of the database's clock."""
        rows = await self._run("renew_leases", {**_fence(held), "lease": self._lease})
        return dict(rows)

    async def release(self, held: Sequence[ClaimedMessage]) -> None:
        """Give back what was not sent."""
        await self._run("release_unsent", _fence(held))

    async def _run(self, statement: LiteralString, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(read_statement(__package__, statement), values)
                return await cursor.fetchall() if cursor.description else []
        except (OperationalError, IntegrityError, PoolTimeout) as error:  # integrity: a partition is not made yet
            raise UnavailableError(f"PostgreSQL did not take {statement}: {error}") from error


def _fence(held: Sequence[ClaimedMessage]) -> dict[str, PackedArray]:
    return {
        "ids": pack_uuids([one.claimed.id for one in held]),
        "tokens": pack_bigints([one.claimed.token for one in held]),
    }
