"""The ticks of an instance: at the start of every interval, and out of turn when a message is due at once.

Each process of the instance runs a ticker, so that the death of a process stops nothing. When draining they take turns;
a throttled instance's tick is sent by all of them and taken once (`take_tick.sql`).
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

import structlog

from sendoff_actors.handoffs import Tick
from sendoff_config.process_index import ProcessIndex
from sendoff_config.settings import SchedulerSettings
from sendoff_db.clock import DatabaseClock
from sendoff_domain.errors import UnavailableError

#: However many messages are accepted, extra ticks stay this far apart (seconds).
_EXTRA_GAP = 0.01

log = structlog.get_logger("sendoff.ticker")

#: Puts a tick on the Claimer's queue; raises UnavailableError when Redis does not take it.
SendTick = Callable[[Tick], Awaitable[None]]


class Ticker:
    """The service that ticks by the intervals since 1970 of the database's clock, so that all instances tick together.

    A tick that Redis does not take is dropped, the next one follows. A process that drains and holds nothing
    (`is_idle`) rests: it ticks only as often as the horizon needs.
    """

    name = "ticker"

    def __init__(
        self,
        *,
        instance: str,
        process: ProcessIndex,
        settings: SchedulerSettings,
        clock: DatabaseClock,
        is_running: Callable[[], bool],
        is_idle: Callable[[], bool],
        send: SendTick,
    ) -> None:
        self._instance = instance
        self._process = process
        self._settings = settings
        self._interval = settings.interval.total_seconds()
        self._clock = clock
        self._is_running = is_running
        self._is_idle = is_idle
        self._send = send
        self._number = -1

    async def wait(self) -> None:
        """Wait for the start of the next interval; those that were missed are not made up for."""
        number = max(self._number + 1, math.floor(self._clock.now() / self._interval))
        while (left := number * self._interval - self._clock.now()) > 0:  # noqa: ASYNC110  a timer may fire a little early
            await asyncio.sleep(left)
        self._number = number

    async def run_once(self) -> None:
        """Send the tick of this interval, if it is this process's turn."""
        if self._is_running() and self.is_mine(self._number):
            until = (self._number + 1) * self._interval
            await _send(self._send, make_tick(self._instance, self._settings, number=self._number, until=until))

    def is_mine(self, number: int) -> bool:
        """Whether this process of the instance sends that tick."""
        if not self._settings.drain:
            return True
        rest = resting_intervals(self._settings) if self._is_idle() else 1
        return number % rest == 0 and number // rest % self._process.count == self._process.index


class ExtraTicks:
    """The service that ticks out of turn after each `wake`, if the instance drains.

    A claim that is under way in this process is followed by another one instead, which spares the way over Redis: `ask`
    asks for that, and returns whether there is one.
    """

    name = "extra ticks"

    def __init__(
        self,
        *,
        instance: str,
        settings: SchedulerSettings,
        is_running: Callable[[], bool],
        ask: Callable[[], bool],
        send: SendTick,
    ) -> None:
        self._instance = instance
        self._settings = settings
        self._is_running = is_running
        self._ask = ask
        self._send = send
        self._woken = asyncio.Event()
        self._next_at = 0.0

    def wake(self) -> None:
        """Tick soon: a message is due at once, or a limit of concurrency lets one more be claimed."""
        if self._settings.drain:
            self._woken.set()

    async def wait(self) -> None:
        """Wait until woken."""
        await self._woken.wait()
        await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
        self._woken.clear()

    async def run_once(self) -> None:
        """Send one tick that belongs to no interval, unless the claim that is under way is followed by another."""
        if self._is_running() and not self._ask():
            await _send(self._send, make_tick(self._instance, self._settings))
        self._next_at = time.monotonic() + _EXTRA_GAP


def make_tick(instance: str, settings: SchedulerSettings, *, number: int = 0, until: float = 0.0) -> Tick:
    """The tick of an interval, or, without a number, one out of turn, which only a draining instance heeds."""
    return Tick(instance, number, until, settings.batch_size, settings.drain)


def resting_intervals(settings: SchedulerSettings) -> int:
    """How many intervals an idle instance may skip and still claim every message before its time."""
    return max(1, settings.horizon // settings.interval - 1)


async def _send(send: SendTick, tick: Tick) -> None:
    try:
        await send(tick)
    except UnavailableError as error:
        log.warning("tick lost, Redis does not take it", error=str(error))
