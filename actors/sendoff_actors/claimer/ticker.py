"""The ticker of an instance: at the start of every interval it sends the Claimer a tick.

Each process of the instance runs one, so that the death of a process stops nothing. When draining they take turns; a
throttled instance's tick is sent by all of them and taken once (`take_tick.sql`).
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import redis
import structlog

from sendoff_actors.handoffs import Tick
from sendoff_config.process_index import ProcessIndex
from sendoff_config.settings import SchedulerSettings
from sendoff_db.clock import DatabaseClock

#: However many messages are accepted, extra ticks stay this far apart (seconds).
_WAKE_GAP = 0.01

log = structlog.get_logger("sendoff.ticker")


@dataclass(frozen=True, slots=True)
class Ticker:
    """Counts the intervals since 1970 by the database's clock, so that all instances tick together.

    `send` puts a tick on the Claimer's queue; one that Redis does not take is dropped, the next one follows. A process
    that drains and holds nothing rests: it ticks only as often as the horizon needs.
    """

    instance: str
    process: ProcessIndex
    settings: SchedulerSettings
    clock: DatabaseClock
    is_running: Callable[[], bool]
    is_idle: Callable[[], bool]
    send: Callable[[Tick], Awaitable[None]]
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """A message is due at once: tick out of turn, if this instance drains."""
        if self.settings.drain:
            self._woken.set()

    async def run_out_of_turn(self) -> None:
        """Tick after each `wake` until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            if self.is_running():
                await self._tick(0, 0.0)
            await asyncio.sleep(_WAKE_GAP)

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
        if self.clock.now() < number * interval:  # a timer may fire a little early
            return last
        if self.is_running() and self.is_mine(number):
            await self._tick(number, (number + 1) * interval)
        return number

    def is_mine(self, number: int) -> bool:
        """Whether this process of the instance sends that tick."""
        if not self.settings.drain:
            return True
        rest = resting_intervals(self.settings) if self.is_idle() else 1
        return number % rest == 0 and number // rest % self.process.count == self.process.index

    async def _tick(self, number: int, until: float) -> None:
        try:
            await self.send(Tick(self.instance, number, until, self.settings.batch_size, self.settings.drain))
        except redis.RedisError as error:
            log.warning("tick lost, Redis does not take it", error=str(error))


def resting_intervals(settings: SchedulerSettings) -> int:
    """How many intervals an idle instance may skip and still claim every message before its time."""
    return max(1, settings.horizon // settings.interval - 1)
