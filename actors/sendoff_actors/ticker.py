"""The ticker of an instance: at the start of every interval it sends the Claimer a tick."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import redis
import structlog

from sendoff_actors.handoffs import Tick
from sendoff_db.clock import DatabaseClock
from sendoff_domain.settings import SchedulerSettings

log = structlog.get_logger("sendoff.ticker")


@dataclass(frozen=True, slots=True)
class Ticker:
    """Counts the intervals since 1970 by the database's clock, so that all instances tick together.

    `send` puts a tick on the Claimer's queue; one that Redis does not take is dropped, the next one follows.
    """

    instance: str
    settings: SchedulerSettings
    clock: DatabaseClock
    is_running: Callable[[], bool]
    send: Callable[[Tick], Awaitable[None]]

    async def run(self) -> None:
        """Tick until cancelled."""
        last = -1
        while True:
            last = await self.turn(last)

    async def turn(self, last: int) -> int:
        """Wait for the next interval after number `last`, tick, and return its number."""
        interval = self.settings.interval.total_seconds()
        number = max(last + 1, math.floor(self.clock.now() / interval))
        await asyncio.sleep(max(0.0, number * interval - self.clock.now()))
        if self.clock.now() >= number * interval and self.is_running():
            await self._tick(number, (number + 1) * interval)
        return number if self.clock.now() >= number * interval else last

    async def _tick(self, number: int, until: float) -> None:
        try:
            await self.send(Tick(self.instance, number, until, self.settings.batch_size, self.settings.drain))
        except redis.RedisError as error:
            log.warning("tick lost, Redis does not take it", error=str(error))
