"""Holds messages until their exact moment, never before it by the database's clock."""

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable

import structlog

from sendoff_actors.sender.holdings import ClaimedMessage
from sendoff_db.clock import DatabaseClock
from sendoff_db.failures import describe

#: The database's clock may be set while a timer runs, so none runs for longer than this (seconds).
_LONGEST_SLEEP = 1.0
#: No message that waited is let through on a reading of the clock that is older than this (seconds).
_FRESH = 0.1
#: How long before a message is due the clock is read, if need be (seconds).
_LEAD = 0.02
#: How long a clock that can't be read is taken to go on as it was (seconds).
_UNREADABLE = 1.0

log = structlog.get_logger("sendoff.sender")


class Pacer:
    """A heap of waiting messages and one timer for the earliest of them.

    `read_clock` takes a sample of the clock, or raises within a fraction of a second: the clock may have been set back
    since the last one. uvloop's timers may fire a millisecond early, so the clock is looked at again before anything is
    let through.
    """

    def __init__(
        self,
        clock: DatabaseClock,
        on_due: Callable[[ClaimedMessage], None],
        *,
        read_clock: Callable[[], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._on_due = on_due
        self._read_clock = read_clock
        self._waiting: list[ClaimedMessage] = []
        self._timer: asyncio.TimerHandle | None = None
        self._reading: asyncio.Task[None] | None = None
        self._trusted_until = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, message: ClaimedMessage) -> None:
        """Let a message through at its due time."""
        heapq.heappush(self._waiting, message)
        if self._waiting[0] is message:
            self._arm()

    def clear(self) -> list[ClaimedMessage]:
        """Take out all that still wait."""
        taken, self._waiting = self._waiting, []
        self._arm()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        return taken

    def _turn(self) -> None:
        """Let through what is due, or have the clock read if that will need it."""
        if not self._waiting or self._reading is not None:
            return
        left = self._left()
        if left <= _LEAD and not self._will_be_fresh(left):
            self._reading = asyncio.get_running_loop().create_task(self._read())
            return
        now = self._clock.now()
        while self._waiting and self._waiting[0].claimed.due_at <= now:
            self._on_due(heapq.heappop(self._waiting))
        self._arm()

    async def _read(self) -> None:
        trusted = _FRESH
        try:
            await self._read_clock()
        except Exception as error:  # noqa: BLE001  whatever it is, the messages must not wait for ever
            log.warning("the database's clock is taken to go on, it can't be read", error=describe(error))
            trusted = _UNREADABLE
        self._trusted_until = time.monotonic() + trusted
        self._reading = None
        self._turn()

    def _left(self) -> float:
        """Until the earliest message is due (seconds)."""
        return max(0.0, self._waiting[0].claimed.due_at - self._clock.now())

    def _will_be_fresh(self, seconds: float) -> bool:
        """Whether the clock's reading will do when so many seconds have passed."""
        return time.monotonic() + seconds <= max(self._trusted_until, self._clock.read_at + _FRESH)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            delay = self._left()
            if not self._will_be_fresh(delay):
                delay = max(0.0, delay - _LEAD)
            self._timer = asyncio.get_running_loop().call_later(min(delay, _LONGEST_SLEEP), self._turn)
