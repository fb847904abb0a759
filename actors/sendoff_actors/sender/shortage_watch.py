"""What this process does while it is short of its own (open files, memory, ports): nothing, a moment at a time."""

import asyncio
import time
from collections.abc import Callable

import structlog

from sendoff_actors.broker import Backpressure
from sendoff_actors.handoffs import Queue
from sendoff_domain.errors import ShortageError

#: How long nothing is sent or claimed after a shortage (seconds); others may send what was given back.
_PAUSE = 1.0
#: A shortage is over when requests have had what they need for so long (seconds).
_QUIET = 10.0

log = structlog.get_logger("sendoff.sender")


class ShortageWatch:
    """Knows whether the process pauses for a shortage (`pauses`), and whether one lasts (`lasts`), which includes it.

    Said in the log is its beginning and its end. `on_change` is called when a pause begins and when it ends; the
    Claimer's queue is closed meanwhile. All of it belongs to the event loop.
    """

    def __init__(self, backpressure: Backpressure, pause: float = _PAUSE, quiet: float = _QUIET) -> None:
        self._backpressure = backpressure
        self._pause = pause
        self._quiet = quiet
        self._last_at = 0.0
        self.pauses = False
        self.lasts = False
        self.on_change: Callable[[], None] = lambda: None

    def note(self, error: ShortageError) -> None:
        """A message could not be tried; start nothing for a moment."""
        self._last_at = time.monotonic()
        if not self.lasts:
            self.lasts = True
            log.error("too few open files, ports or memory: messages are given back unsent", error=str(error))
        if not self.pauses:
            self.pauses = True
            self._backpressure.close(Queue.CLAIMER)
            asyncio.get_running_loop().call_later(self._pause, self._go_on)
            self.on_change()

    def _go_on(self) -> None:
        self.pauses = False
        self._backpressure.open(Queue.CLAIMER)
        asyncio.get_running_loop().call_later(self._quiet, self._look)
        self.on_change()

    def _look(self) -> None:
        if self.lasts and not self.pauses and time.monotonic() - self._last_at > self._quiet:
            self.lasts = False
            log.info("enough open files, ports and memory again")
