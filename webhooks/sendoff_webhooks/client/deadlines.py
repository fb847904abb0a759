"""Ends the requests that have no answer in time."""

import asyncio
import math
import time
from collections.abc import Collection

from sendoff_domain.outcome import ErrorClass
from sendoff_webhooks.client.connection import Connection, TransportError

#: uvloop's timers may fire a millisecond early (seconds).
_SURELY_OVER = 0.002


class Deadlines:
    """Watches the requests on these connections with one timer, set for the earliest of their deadlines.

    A timer for each request would cost as much as reading its answer. Moments are those of `time.monotonic()`.
    """

    def __init__(self, connections: Collection[Connection]) -> None:
        self._connections = connections
        self._next = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, deadline: float) -> None:
        """A request has begun that ends at that moment."""
        if deadline < self._next:
            self.close()
            self._arm(deadline)

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._next = math.inf

    def _arm(self, deadline: float) -> None:
        delay = max(0.0, deadline - time.monotonic()) + _SURELY_OVER
        self._next, self._timer = deadline, asyncio.get_running_loop().call_later(delay, self._sweep)

    def _sweep(self) -> None:
        now, earliest = time.monotonic(), math.inf
        for connection in tuple(self._connections):
            if connection.deadline <= now:
                connection.fail(too_late())
            else:
                earliest = min(earliest, connection.deadline)
        self.close()
        if earliest < math.inf:
            self._arm(earliest)


def too_late() -> TransportError:
    """What a request without an answer in time ends with."""
    return TransportError(ErrorClass.TIMEOUT, "no whole answer in time")
