"""What the Sender writes to PostgreSQL: sent, still held, given back. All of it is fenced by the tokens."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, LiteralString

from psycopg import errors

from sendoff_actors.release import release_unsent
from sendoff_actors.sender.claimed_message import ClaimedMessage
from sendoff_actors.sender.markers import Marker
from sendoff_config.settings import PartitionSettings
from sendoff_db.failures import outages_as_unavailable
from sendoff_db.packed_arrays import PackedArray, pack_bigints, pack_floats, pack_optional_texts, pack_uuids
from sendoff_db.partitions import ensure_partitions
from sendoff_db.pool import Pool
from sendoff_db.sql import Row, fetch_all
from sendoff_domain.ids import created_seconds


class Completer:
    """Runs the Sender's statements; raises UnavailableError after an outage, and psycopg.Error for poison.

    Messages go in and come out by their hexadecimal ids and their tokens.
    """

    def __init__(self, pool: Pool, lease: timedelta, partitions: PartitionSettings) -> None:
        self._pool = pool
        self._lease = lease
        self._partitions = partitions

    async def record_sent(self, sent: Sequence[tuple[ClaimedMessage, Marker]]) -> frozenset[str]:
        """Record deliveries; returns the ids of those whose claims did not hold any more (a newer one took them over).

        Of what was recorded already, before an outage hid that, it seems so as well.
        """
        markers = [marker for _, marker in sent]
        values = {
            **_fence([message for message, _ in sent]),
            "created": pack_floats([created_seconds(message.claimed.id) for message, _ in sent]),
            "sent": pack_floats([marker.sent_at for marker in markers]),
            "statuses": pack_bigints([marker.status_code for marker in markers]),
            "durations": pack_bigints([marker.duration_us for marker in markers]),
            "external": pack_optional_texts([marker.external_message_id for marker in markers]),
        }
        try:
            ((lost,),) = await self._fetch("record_sent", values)
        except errors.CheckViolation:
            with outages_as_unavailable("partitions"):
                await ensure_partitions(self._pool, "deliveries", self._partitions.every, [m.sent_at for m in markers])
            ((lost,),) = await self._fetch("record_sent", values)
        return frozenset(lost or ())

    async def renew(self, messages: Sequence[ClaimedMessage]) -> dict[tuple[str, int], float]:
        """Prolong leases; returns the new end of each that still held, in Unix seconds of the database's clock."""
        rows = await self._fetch("renew_leases", {**_fence(messages), "lease": self._lease})
        return {(message_id, token): lease_until for message_id, token, lease_until in rows}

    async def release(self, messages: Sequence[ClaimedMessage]) -> None:
        """Give back what was not sent."""
        with outages_as_unavailable("release_unsent"):
            await release_unsent(self._pool, [message.claimed for message in messages])

    async def _fetch(self, statement: LiteralString, values: dict[str, Any]) -> list[Row]:
        with outages_as_unavailable(statement):
            async with self._pool.connection() as connection:
                return await fetch_all(connection, __package__, statement, values)


def _fence(messages: Sequence[ClaimedMessage]) -> dict[str, PackedArray]:
    return {
        "ids": pack_uuids([message.claimed.id for message in messages]),
        "tokens": pack_bigints([message.claimed.token for message in messages]),
    }
