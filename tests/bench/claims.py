"""Claims and records outcomes as a worker does, one after the other, and takes the time of each."""

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from bench.installation import Installation
from sendoff_actors.claimer.handler import Claiming
from sendoff_actors.handoffs import Batch, Tick
from sendoff_actors.sender.holdings import ClaimedMessage
from sendoff_actors.sender.markers import Marker
from sendoff_actors.sender.recorder import record_sent
from sendoff_config.loading import load_settings
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Pool, open_pool

CLAIM = 500
RECORD = 250
_HORIZON, _LEASE = timedelta(milliseconds=500), timedelta(seconds=8)


@dataclass(frozen=True, slots=True)
class Costs:
    """Milliseconds of each claim of 500 and of each record of 250, in their order."""

    claims: list[float] = field(default_factory=list)
    records: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker process claims and records with."""

    claiming: Claiming
    pool: Pool
    clock: DatabaseClock
    numbers: "count[int]" = field(default_factory=count)

    async def work(self, claims: int) -> Costs:
        """So many claims, each recorded as sent before the next; raises RuntimeError where too little is due."""
        costs = Costs()
        for _ in range(claims):
            began = time.perf_counter()
            batches = await self._claim()
            costs.claims.append((time.perf_counter() - began) * 1000)
            if sum(len(batch.messages) for batch in batches) < CLAIM:
                raise RuntimeError("expected a full claim")
            for batch in batches:
                await self._record(batch, costs)
        return costs

    async def claim_nothing(self) -> float:
        """Milliseconds of a claim that finds nothing due; raises RuntimeError when it does."""
        began = time.perf_counter()
        if await self._claim():
            raise RuntimeError("expected that nothing is due")
        return (time.perf_counter() - began) * 1000

    async def _claim(self) -> list[Batch]:
        return await self.claiming.claim(Tick("bench", next(self.numbers), math.inf, CLAIM, True))

    async def _record(self, batch: Batch, costs: Costs) -> None:
        marker = Marker(self.clock.now(), 200, 1000, None)
        sent = [(ClaimedMessage(message, batch.lease_until), marker) for message in batch.messages]
        began = time.perf_counter()
        await record_sent(self.pool, sent, "day")
        costs.records.append((time.perf_counter() - began) * 1000)


@asynccontextmanager
async def worker(site: Installation) -> AsyncIterator[Worker]:
    """A worker's claims and records on an installation, which is set running."""
    site.db.execute(b"UPDATE control_state SET desired = 'running' WHERE scope = 'global'")
    settings = load_settings(None, site.environment)
    clock = DatabaseClock()
    async with open_pool(settings.postgres, "bench", size=1) as pool:
        async with pool.connection() as connection:
            await clock.sample(connection)
        claiming = Claiming(
            pool=pool, clock=clock, holder="bench", horizon=_HORIZON, lease=_LEASE, parts=CLAIM // RECORD
        )
        yield Worker(claiming, pool, clock)
