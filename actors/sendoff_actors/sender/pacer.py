"""Holds messages until their exact moment, never before it by the database's clock."""

import asyncio
import heapq
from collections.abc import Callable

from sendoff_actors.sender.claimed_message import ClaimedMessage
from sendoff_db.clock import DatabaseClock

#: The database's clock may be set while a timer runs, so none runs for longer than this (seconds).
_LONGEST_SLEEP = 1.0


class Pacer:
    """A heap of waiting messages and one timer for the earliest of them.

    uvloop's timers may fire a millisecond early, so the clock is asked again before anything is let through.
    """

    def __init__(self, clock: DatabaseClock, on_due: Callable[[ClaimedMessage], None]) -> None:
        self._clock = clock
        self._on_due = on_due
        self._waiting: list[ClaimedMessage] = []
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, message: ClaimedMessage) -> None:
        """Let a message through at its due time, at once if that has come."""
        if message.claimed.due_at <= self._clock.now():
            self._on_due(message)
            return
        heapq.heappush(self._waiting, message)
        if self._waiting[0] is message:
            self._arm()

    def clear(self) -> list[ClaimedMessage]:
        """Take out all that still wait."""
        taken, self._waiting = self._waiting, []
        self._arm()
        return taken

    def _let_through(self) -> None:
        now = self._clock.now()
        while self._waiting and self._waiting[0].claimed.due_at <= now:
            self._on_due(heapq.heappop(self._waiting))
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            delay = self._waiting[0].claimed.due_at - self._clock.now()
            delay = min(max(0.0, delay), _LONGEST_SLEEP)
            self._timer = asyncio.get_running_loop().call_later(delay, self._let_through)
