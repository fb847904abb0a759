"""Claiming: one turn takes due messages under a lease; nothing here knows Dramatiq."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, LiteralString
from uuid import uuid4

import msgspec
from psycopg import Rollback

from sendoff_actors.claimer.claim_limits import ClaimLimits, read_claim_limits
from sendoff_actors.claimer.demand_scan import DemandScan
from sendoff_actors.claimer.pace import pace
from sendoff_actors.handoffs import Batch, Claimed, Tick
from sendoff_actors.release import release_unsent
from sendoff_db.clock import DatabaseClock
from sendoff_db.locks import CLAIMS
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import read_statement
from sendoff_domain.claim_plan import Demand, Quota, share_claim

#: A hand-off carries at most this many messages and about this many bytes of payload, so that Redis stays quick.
BATCH_MESSAGES = 250
BATCH_BYTES = 512 * 1024
#: Leases that have run out are looked for so often (seconds).
_REAP_EVERY = 0.5


@dataclass(slots=True)
class Claiming:
    """How this process claims: ahead of time by `horizon` (none when throttled), each claim for one `lease`.

    Where a customer has a rate, its slots of the next `pace_ahead` are claimed: until the next tick comes. A claim is
    handed on in at least `parts` batches, so that every process of the instance gets to send some of it.
    """

    pool: Pool
    clock: DatabaseClock
    holder: str
    horizon: timedelta
    lease: timedelta
    pace_ahead: timedelta = timedelta(seconds=1)
    parts: int = 1
    _demand_scan: DemandScan = field(default_factory=DemandScan)
    _rotation: int = 0
    _reaped_at: float = 0.0

    async def claim(self, tick: Tick) -> list[Batch]:
        """Take up to `tick.batch_size` messages; nothing for a tick that is over or was taken before.

        A throttled tick (`drain` off) is taken in the same transaction as the claim, so that however often it
        arrives it claims once.
        """
        if not tick.drain and self.clock.now() >= tick.until:
            return []
        messages: list[Claimed] = []
        lease_until = 0.0
        async with self.pool.connection() as connection:
            await self._reap(connection)
            horizon = self.horizon if tick.drain else timedelta(0)
            demands = await self._demand_scan.look(connection, tick.batch_size, horizon)
            if demands:
                async with connection.transaction():
                    messages, lease_until = await self._take(connection, tick, demands, horizon)
        more = tick.drain and len(messages) >= tick.batch_size
        parts = split(messages, self.parts)
        return [Batch(uuid4().hex, lease_until, more and part is parts[-1], part) for part in parts]

    async def _may_claim(self, connection: Connection, tick: Tick) -> bool:
        await connection.execute(read_statement(__package__, "share_claim_lock"), {"lock": CLAIMS})
        if tick.drain:
            return True
        taken = {"instance": tick.instance, "tick": tick.number}
        cursor = await connection.execute(read_statement(__package__, "take_tick"), taken)
        return cursor.rowcount > 0

    async def _reap(self, connection: Connection) -> None:
        if time.monotonic() - self._reaped_at > _REAP_EVERY:
            await connection.execute(read_statement(__package__, "reap_expired"))
            self._reaped_at = time.monotonic()

    async def _take(
        self, connection: Connection, tick: Tick, demands: Sequence[Demand], horizon: timedelta
    ) -> tuple[list[Claimed], float]:
        """Share the claim among those who wait, and take it; with the end of the first lease.

        The gate is entered last: a stop waits for whoever is inside.
        """
        customers = [demand.customer for demand in demands]
        limits = await read_claim_limits(connection, customers, self.pace_ahead.total_seconds())
        self._rotation += 1
        quotas = share_claim(demands, limits.allowances, tick.batch_size, self._rotation)
        if not quotas or not await self._may_claim(connection, tick):
            raise Rollback  # a probe that was taken is not used
        values = {
            "horizon": horizon,
            "holder": self.holder,
            "lease": self.lease,
            "limited": sorted(limits.limited),
        }
        rows = await _run(connection, "claim_due", quotas, [quota.due for quota in quotas], values)
        rows += await _run(connection, "claim_retries", quotas, [quota.retries for quota in quotas], values)
        messages = [Claimed(*row[:-1]) for row in sorted(rows, key=lambda row: row[2])]
        if limits.allowances:
            messages = await pace(connection, _marked(messages, limits), limits.spacings)
        return messages, min((row[-1] for row in rows), default=0.0)

    async def release(self, batch: Batch) -> None:
        """Give a batch back that could not be handed on."""
        await release_unsent(self.pool, batch.messages)


async def _run(
    connection: Connection,
    statement: LiteralString,
    quotas: Sequence[Quota],
    numbers: list[int],
    values: dict[str, Any],
) -> list[tuple[Any, ...]]:
    if not any(numbers):
        return []
    shared = {"customers": [quota.customer for quota in quotas], "quotas": numbers}
    cursor = await connection.execute(read_statement(__package__, statement), {**values, **shared}, binary=True)
    return await cursor.fetchall()


def _marked(messages: Sequence[Claimed], limits: ClaimLimits) -> list[Claimed]:
    """The messages, each with what its Sender must know of the limits that it was claimed under."""
    special = limits.probes | limits.limited
    return [
        msgspec.structs.replace(each, probe=each.customer in limits.probes, limited=each.customer in limits.limited)
        if each.customer in special
        else each
        for each in messages
    ]


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
