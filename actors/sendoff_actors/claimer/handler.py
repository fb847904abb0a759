"""Claiming: how messages that are due are claimed for this instance; `Claiming.claim` tells it from top to bottom.

Nothing here knows Dramatiq.
"""

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from operator import itemgetter

from psycopg import AsyncCursor, Rollback

from sendoff_actors.claimer.claim_limits import (
    ClaimLimits,
    DemandScan,
    apply_rates,
    bound_stall,
    find_limited,
    read_claim_limits,
)
from sendoff_actors.handoffs import Batch, Claimed, Tick, make_batches
from sendoff_actors.release import release_unsent
from sendoff_db.clock import DatabaseClock
from sendoff_db.locks import CLAIMS
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import Row, read_statement, run, run_in_index_order, walk_indexes
from sendoff_domain.claim_plan import Demand, Quota, share_claim

#: Leases that have run out are looked for so often (seconds).
_REAP_EVERY = 0.5
_NOW = timedelta(0)


class ClaimTurns:
    """Whose turn it is to claim in this process: one claim at a time, and one more for what was told of meanwhile.

    One thread at a time takes the turn; all methods may be called from any.
    """

    def __init__(self) -> None:
        self._busy, self._wanted = threading.Lock(), threading.Event()

    @property
    def is_wanted(self) -> bool:
        """Whether a claim was asked for since the last one began."""
        return self._wanted.is_set()

    def ask(self) -> bool:
        """Ask for a claim; returns whether one is under way, which then is followed by another."""
        self._wanted.set()
        return self._busy.locked()

    def take(self, *, wait: bool) -> bool:
        """Take the turn; without `wait` this fails while another thread has it."""
        return self._busy.acquire(blocking=wait)

    def begin(self) -> None:
        """Note that a claim begins: what is asked for from now on may come too late for it."""
        self._wanted.clear()

    def give_back(self) -> None:
        """Give the turn back; who had it must look whether a claim `is_wanted` afterwards."""
        self._busy.release()


@dataclass(slots=True, kw_only=True)
class Claiming:
    """How this process claims: ahead of time by `horizon` (none when throttled), each claim for one `lease`.

    Where a customer has a rate, its slots of the next `rate_ahead` are claimed: until the next tick comes. A claim is
    handed on in at least `parts` batches, so that every process of the instance gets to send some of it.
    """

    pool: Pool
    clock: DatabaseClock
    holder: str
    horizon: timedelta
    lease: timedelta
    rate_ahead: timedelta = timedelta(seconds=1)
    parts: int = 1
    turns: ClaimTurns = field(default_factory=ClaimTurns)
    _demand_scan: DemandScan = field(default_factory=DemandScan)
    _rotations: Iterator[int] = field(default_factory=lambda: count(1))
    _reaped_at: float = 0.0
    #: When (`time.monotonic()`) PostgreSQL last answered a claim, or none was asked for since Senders have enough.
    claimed_at: float = field(default_factory=time.monotonic)
    #: How many were claimed, and how many were given back since their leases had run out, in this process's life.
    claimed_messages: int = 0
    expired_leases: int = 0

    async def claim(self, tick: Tick) -> list[Batch]:
        """Take up to `tick.batch_size` messages; nothing for a tick that is over or was taken before.

        A throttled tick (`drain` off) is taken in the same transaction as the claim, so that however often it
        arrives it claims once. What a claim took is left to its lease if the answer to its commit gets lost, or if
        its slots of a rate can't be had.
        """
        if not tick.drain and self.clock.now() >= tick.until:
            return []
        horizon = self.horizon if tick.drain else _NOW
        async with self.pool.connection() as connection:
            await self._reap_expired(connection)
            demands = await self._demand_scan.look(connection, tick.batch_size, horizon)
            if not demands:
                self.claimed_at = time.monotonic()
                return []
            rows, limits = await self._claim_of(connection, demands, tick, horizon)
            claimed = limits.mark(
                [Claimed(*row[:-2], trace=row[-2]) for row in rows]  # type: ignore[misc]  # the rest of a row is ten fields
            )
            claimed = await apply_rates(connection, claimed, limits.spacings)
        self.claimed_at = time.monotonic()
        self.claimed_messages += len(claimed)
        is_full = tick.drain and len(claimed) >= tick.batch_size
        lease_until = min((row[-1] for row in rows), default=0.0)
        claimed_at = lease_until - self.lease.total_seconds()
        return make_batches(claimed, claimed_at=claimed_at, lease_until=lease_until, at_least=self.parts, more=is_full)

    async def release(self, batch: Batch) -> None:
        """Give a batch back that could not be handed on."""
        await release_unsent(self.pool, batch.messages)

    async def _reap_expired(self, connection: Connection) -> None:
        """Give back what is claimed on leases that have run out, twice a second at most."""
        if time.monotonic() - self._reaped_at > _REAP_EVERY:
            reaped = await run_in_index_order(connection, __package__, "reap_expired")
            self.expired_leases += reaped.rowcount
            self._reaped_at = time.monotonic()

    async def _claim_of(
        self, connection: Connection, demands: Sequence[Demand], tick: Tick, horizon: timedelta
    ) -> tuple[list[Row], ClaimLimits]:
        """The rows that were claimed, the earliest due first, and the limits that they were claimed under."""
        limited = await find_limited(connection, [each.customer for each in demands])
        if tick.drain and not limited:
            quotas = share_claim(demands, {}, batch_size=tick.batch_size, rotation=next(self._rotations))
            async with connection.pipeline():  # one round trip, and one transaction: its end commits
                taken = await self._take(connection, quotas, limited=(), horizon=horizon)
            return await _read_earliest_first(taken), ClaimLimits()
        return await self._claim_limited(connection, demands, limited, tick=tick, horizon=horizon)

    async def _claim_limited(
        self,
        connection: Connection,
        demands: Sequence[Demand],
        limited: Sequence[Row],
        *,
        tick: Tick,
        horizon: timedelta,
    ) -> tuple[list[Row], ClaimLimits]:
        """As `_claim_of`, where a customer is limited or the instance throttled."""
        taken, limits = list[AsyncCursor[Row]](), ClaimLimits()
        async with AsyncExitStack() as pipeline, connection.transaction():
            limits = await read_claim_limits(connection, limited, self.rate_ahead)
            quotas = share_claim(demands, limits.allowances, batch_size=tick.batch_size, rotation=next(self._rotations))
            if not quotas or not await _take_tick(connection, tick):
                raise Rollback  # so that a probe taken above stays untaken
            await pipeline.enter_async_context(connection.pipeline())
            taken = await self._take(connection, quotas, limited=limits.limited, horizon=horizon)
        return await _read_earliest_first(taken), limits

    async def _take(
        self, connection: Connection, quotas: Sequence[Quota], *, limited: Collection[str], horizon: timedelta
    ) -> "list[AsyncCursor[Row]]":
        """Send the claim of due messages and retries by their quotas to the server, behind the lock of a stop.

        Lock, claim and (by the caller) commit go in one pipeline, so that the server needs no answer of this process
        while it has the lock. They are several writes to the socket: a process that is frozen between two of them keeps
        the lock until a command ends its session. The rows are there when the pipeline is over.
        """
        due, retries = [quota.due for quota in quotas], [quota.retries for quota in quotas]
        values = {
            "customers": [quota.customer for quota in quotas],
            "horizon": horizon,
            "holder": self.holder,
            "lease": self.lease,
            "limited": sorted(limited),
        }
        await walk_indexes(connection)
        await connection.execute(read_statement(__package__, "share_claim_lock"), {"lock": CLAIMS})
        taken = []
        for name, wanted in (("claim_due", due), ("claim_retries", retries)):
            if any(wanted):
                statement = read_statement(__package__, name)
                taken.append(await connection.execute(statement, {**values, "quotas": wanted}, binary=True))
        return taken


async def _read_earliest_first(taken: "Iterable[AsyncCursor[Row]]") -> list[Row]:
    return sorted([row for cursor in taken for row in await cursor.fetchall()], key=itemgetter(2))


async def _take_tick(connection: Connection, tick: Tick) -> bool:
    """Take the tick of a throttled instance, once however often it arrives; a draining one need not."""
    if tick.drain:
        return True
    await bound_stall(connection)
    return await run(connection, __package__, "take_tick", {"instance": tick.instance, "tick": tick.number}) > 0
