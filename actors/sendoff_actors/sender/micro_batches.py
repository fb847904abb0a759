"""Gathers items that arrive one by one and handles them many at a time."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from sendoff_domain.errors import UnavailableError

T = TypeVar("T")
log = structlog.get_logger("sendoff.sender")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class MicroBatches(Generic[T]):
    """A service: while it handles one batch the next one gathers, so a batch is as large as the handling is slow.

    `rest` (seconds) follows each batch, so that the next one is larger still; after a time without items the first one
    waits for nothing. `handle` gets 1 to `largest` items and raises UnavailableError when its server is gone; the same
    items are then tried again. An item that can't be handled at all is logged and dropped: its lease runs out.
    """

    def __init__(
        self, name: str, handle: Callable[[list[T]], Awaitable[None]], *, largest: int = 500, rest: float = 0
    ) -> None:
        self.name = name
        self._handle = handle
        self._largest = largest
        self._rest = rest
        self._rested_at = 0.0
        self._items: list[T] = []
        self._filled = asyncio.Event()
        self._is_handling = False
        self._is_draining = False
        self._emptied = asyncio.Event()

    def put(self, item: T) -> None:
        """Hand in one item."""
        self._items.append(item)
        self._filled.set()

    async def wait(self) -> None:
        """Wait for the first item, and until the rest after the last batch is over."""
        await self._filled.wait()
        rest = self._rested_at - time.monotonic()
        if rest > 0 and not self._is_draining:
            await asyncio.sleep(rest)

    async def run_once(self) -> None:
        """Handle one batch of what has gathered, however often its server has to be tried."""
        batch, self._items = self._items[: self._largest], self._items[self._largest :]
        if not self._items:
            self._filled.clear()
        if batch:
            self._is_handling = True
            try:
                await self._handle_until_done(batch)
            finally:
                self._is_handling = False
        self._rested_at = time.monotonic() + self._rest
        if not self._items:
            self._emptied.set()

    async def drain(self, timeout: float) -> None:
        """Wait until the service has handled what is there, for `timeout` seconds at most; it rests no more."""
        self._is_draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._items or self._is_handling:
                    self._emptied.clear()
                    await self._emptied.wait()

    async def _handle_until_done(self, batch: list[T]) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._handle(batch)
            except UnavailableError as error:
                log.warning("trying again", what=self.name, items=len(batch), error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:  # noqa: BLE001  whatever it is, it must not end the recording of the others
                return await self._without_poison(batch)

    async def _without_poison(self, batch: list[T]) -> None:
        """Halve a batch that can't be handled until the one item to blame is alone, and drop that one."""
        if len(batch) == 1:
            log.exception("dropped, it can't be handled", what=self.name, item=batch[0])
            return
        middle = len(batch) // 2
        await self._handle_until_done(batch[:middle])
        await self._handle_until_done(batch[middle:])
