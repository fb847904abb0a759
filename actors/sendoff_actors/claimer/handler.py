"""Claiming: one turn takes due messages under a lease; nothing here knows Dramatiq."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from sendoff_actors.handoffs import Batch, Claimed, Tick
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import read_statement

#: A hand-off carries at most this many messages and about this many bytes of payload, so that Redis stays quick.
BATCH_MESSAGES = 250
BATCH_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Claiming:
    """How this process claims: ahead of time by `horizon` (none when throttled), each claim for one `lease`.

    A claim is handed on in at least `parts` batches, so that every process of the instance gets to send some of it.
    """

    pool: Pool
    clock: DatabaseClock
    holder: str
    horizon: timedelta
    lease: timedelta
    parts: int = 1

    async def claim(self, tick: Tick) -> list[Batch]:
        """Take up to `tick.batch_size` messages; nothing for a tick that is over or was taken before.

        A throttled tick (`drain` off) is taken in the same transaction as the claim, so that however often it
        arrives it claims once.
        """
        if not tick.drain and self.clock.now() >= tick.until:
            return []
        statement = {
            "batch_size": tick.batch_size,
            "horizon": self.horizon if tick.drain else timedelta(0),
            "holder": self.holder,
            "lease": self.lease,
        }
        async with self.pool.connection() as connection, connection.transaction():
            if not await self._may_claim(connection, tick):
                return []
            await connection.execute(read_statement(__package__, "promote_ripe"), statement)
            cursor = await connection.execute(read_statement(__package__, "claim_due"), statement, binary=True)
            rows = await cursor.fetchall()
        claimed = [Claimed(id.hex, *rest) for id, *rest, _ in rows]
        lease_until = min((row[-1] for row in rows), default=0.0)
        more = tick.drain and len(rows) >= tick.batch_size
        parts = split(claimed, self.parts)
        return [Batch(uuid4().hex, lease_until, more and part is parts[-1], part) for part in parts]

    async def _may_claim(self, connection: Connection, tick: Tick) -> bool:
        gate = await connection.execute(read_statement(__package__, "enter_gate"))
        if gate.rowcount == 0 or tick.drain:
            return gate.rowcount > 0
        taken = {"instance": tick.instance, "tick": tick.number}
        cursor = await connection.execute(read_statement(__package__, "take_tick"), taken)
        return cursor.rowcount > 0

    async def release(self, batch: Batch) -> None:
        """Give a batch back that could not be handed on."""
        given = {"ids": [UUID(hex=m.id) for m in batch.messages], "tokens": [m.token for m in batch.messages]}
        async with self.pool.connection() as connection:
            await connection.execute(read_statement(__package__, "release_claim"), given)


def split(messages: list[Claimed], at_least: int = 1) -> list[list[Claimed]]:
    """The messages in their order, in even parts that respect BATCH_MESSAGES and BATCH_BYTES."""
    largest = min(BATCH_MESSAGES, -(-len(messages) // at_least))
    parts: list[list[Claimed]] = []
    size = 0
    for message in messages:
        size += len(message.payload)
        if not parts or size > BATCH_BYTES or len(parts[-1]) >= largest:
            parts.append([])
            size = len(message.payload)
        parts[-1].append(message)
    return parts
