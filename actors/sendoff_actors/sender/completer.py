"""What the Sender writes to PostgreSQL: sent, still held, given back. All of it is fenced by the tokens."""

from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import Any, LiteralString, TypeVar

from psycopg import IntegrityError, OperationalError
from psycopg_pool import PoolTimeout

from sendoff_actors.release import release_unsent
from sendoff_actors.sender.claimed_message import ClaimedMessage
from sendoff_actors.sender.markers import Marker
from sendoff_db.packed_arrays import PackedArray, pack_bigints, pack_floats, pack_optional_texts, pack_uuids
from sendoff_db.pool import Pool
from sendoff_db.sql import Row, fetch_all
from sendoff_domain.errors import UnavailableError
from sendoff_domain.ids import created_seconds

T = TypeVar("T")


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
        values = {
            **_fence([message for message, _ in sent]),
            "created": pack_floats([created_seconds(message.claimed.id) for message, _ in sent]),
            "sent": pack_floats([marker.sent_at for marker in markers]),
            "statuses": pack_bigints([marker.status_code for marker in markers]),
            "durations": pack_bigints([marker.duration_us for marker in markers]),
            "external": pack_optional_texts([marker.external_message_id for marker in markers]),
        }
        ((recorded,),) = await _or_unavailable("record_sent", self._fetch("record_sent", values))
        return int(recorded)

    async def renew(self, messages: Sequence[ClaimedMessage]) -> dict[str, float]:
        """Prolong leases; returns the new end of each that still held, in Unix seconds of the database's clock."""
        values = {**_fence(messages), "lease": self._lease}
        return dict(await _or_unavailable("renew_leases", self._fetch("renew_leases", values)))

    async def release(self, messages: Sequence[ClaimedMessage]) -> None:
        """Give back what was not sent."""
        await _or_unavailable("release_unsent", release_unsent(self._pool, [message.claimed for message in messages]))

    async def _fetch(self, statement: LiteralString, values: dict[str, Any]) -> list[Row]:
        async with self._pool.connection() as connection:
            return await fetch_all(connection, __package__, statement, values)


async def _or_unavailable(statement: str, running: Awaitable[T]) -> T:
    try:
        return await running
    except (OperationalError, IntegrityError, PoolTimeout) as error:  # integrity: a partition is not made yet
        raise UnavailableError(f"PostgreSQL did not take {statement}: {error}") from error


def _fence(messages: Sequence[ClaimedMessage]) -> dict[str, PackedArray]:
    return {
        "ids": pack_uuids([message.claimed.id for message in messages]),
        "tokens": pack_bigints([message.claimed.token for message in messages]),
    }
