"""Burying and cleaning up; nothing here knows Dramatiq."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from sendoff_actors.handoffs import Undeliverable
from sendoff_actors.micro_batches import MicroBatches
from sendoff_config.settings import PartitionSettings
from sendoff_db.bounded_connection import patience
from sendoff_db.partitions import make_partitions
from sendoff_db.pool import Connection, Pool
from sendoff_db.retention import drop_expired
from sendoff_db.sql import fetch_all, run

#: A step of a clean-up may read and delete much (seconds).
_LONGEST_STEP = 300.0

log = structlog.get_logger("sendoff.dead_letterer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Burying:
    """Writes dead letters, and takes away what is older than its retention.

    `count` gets of each letter that is written the incarnation and the id of its customer, and its reason.
    """

    pool: Pool
    partitions: PartitionSettings
    retention: timedelta
    letter_retention: timedelta
    count: Callable[[Iterable[tuple[int, str, str]]], None]

    async def bury(self, undeliverable: Sequence[Undeliverable]) -> int:
        """Move messages to the dead letters; returns how many were still held under their tokens."""
        values = {
            "ids": [UUID(hex=one.id) for one in undeliverable],
            "tokens": [one.token for one in undeliverable],
            "reasons": [one.reason.value for one in undeliverable],
        }
        async with self.pool.connection() as connection:
            buried = await fetch_all(connection, __package__, "bury", values)
        self.count((incarnation, customer_id, reason) for incarnation, customer_id, reason in buried)
        return len(buried)

    def burials(self) -> MicroBatches[Undeliverable]:
        """A service that buries what it is given, however long that takes; the leases make good what it loses."""

        async def bury(undeliverable: list[Undeliverable]) -> None:
            await self.bury(undeliverable)

        return MicroBatches("dead letters", bury, set_aside=_set_aside)

    async def clean_up(self) -> None:
        """Make the partitions ahead, drop the old ones, delete old dead letters; any number of instances may do so."""
        async with self.pool.connection() as connection:
            with patience(connection, _LONGEST_STEP):
                made = await make_partitions(connection, self.partitions.every, self.partitions.ahead)
                dropped = await drop_expired(connection, self.retention)
                letters = await self._delete_letters(connection)
        left = {"in_use": dropped.in_use} if dropped.in_use else {}
        log.info(
            "cleaned up",
            made=made,
            dropped=dropped.partitions,
            messages=dropped.messages,
            rows=dropped.rows,
            dead_letters=letters,
            **left,
        )

    async def _delete_letters(self, connection: Connection) -> int:
        deleted = 0
        while count := await run(
            connection, __package__, "delete_expired_letters", {"retention": self.letter_retention}
        ):
            deleted += count
        return deleted


def _set_aside(undeliverable: Undeliverable, why: str) -> None:
    log.error("not buried, its lease will run out", message=undeliverable.id, error=why)
