"""Hints to the workers that something is due at once, so that it need not wait for the next interval."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from sendoff_db.clock import DatabaseClock
from sendoff_intake.submission import Result, Stored

#: However much is accepted, hints stay this far apart (seconds).
_GAP = 0.01
#: What is due later than this is claimed in time anyway (seconds).
_SOON = 0.2


class WakeUp:
    """Sends a hint when something due was stored: at once, and then at most one for each gap."""

    def __init__(self, clock: DatabaseClock, send: Callable[[], None]) -> None:
        self._clock = clock
        self._send = send
        self._resting = False
        self._again = False

    def stored(self, results: Iterable[Result | Exception]) -> None:
        """Look at what was stored by one statement."""
        soon = datetime.fromtimestamp(self._clock.now() + _SOON, UTC)
        if any(isinstance(result, Stored) and result.deliver_at <= soon for result in results):
            self._hint()

    def _hint(self) -> None:
        if self._resting:
            self._again = True
            return
        self._send()
        self._resting = True
        asyncio.get_running_loop().call_later(_GAP, self._rested)

    def _rested(self) -> None:
        self._resting = False
        if self._again:
            self._again = False
            self._hint()
