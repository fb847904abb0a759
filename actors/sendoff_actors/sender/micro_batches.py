"""Gathers items that arrive one by one and handles them many at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from sendoff_domain.errors import UnavailableError

T = TypeVar("T")
log = structlog.get_logger("sendoff.sender")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class MicroBatches(Generic[T]):
    """While one batch is handled the next one gathers, so a batch is as large as the handling is slow.

    `rest` (seconds) follows each batch, so that the next one is larger still: what is handed in first waits for nobody.
    `handle` gets 1 to `largest` items and raises UnavailableError when its server is gone; the same items are then
    tried again until `close`. An item that can't be handled at all is logged and dropped: its lease runs out.
    """

    def __init__(
        self, name: str, handle: Callable[[list[T]], Awaitable[None]], largest: int = 500, rest: float = 0
    ) -> None:
        self._name = name
        self._handle = handle
        self._largest = largest
        self._rest = rest
        self._items: list[T] = []
        self._filled = asyncio.Event()
        self._closing = False
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"{name} micro-batches")

    def put(self, item: T) -> None:
        """Hand in one item."""
        self._items.append(item)
        self._filled.set()

    async def close(self, timeout: float) -> None:
        """Handle what is there, for `timeout` seconds at most, and end."""
        self._closing = True
        self._filled.set()
        await asyncio.wait({self._task}, timeout=timeout)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._items or not self._closing:
            await self._filled.wait()
            await self._turn()
            if self._rest and not self._closing:
                await asyncio.sleep(self._rest)

    async def _turn(self) -> None:
        batch, self._items = self._items[: self._largest], self._items[self._largest :]
        if not self._items and not self._closing:
            self._filled.clear()
        if batch:
            await self._handle_until_done(batch)

    async def _handle_until_done(self, batch: list[T]) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._handle(batch)
            except UnavailableError as error:
                log.warning("trying again", what=self._name, items=len(batch), error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:  # noqa: BLE001  whatever it is, it must not end the recording of the others
                return await self._without_poison(batch)

    async def _without_poison(self, batch: list[T]) -> None:
        """Halve a batch that can't be handled until the one item to blame is alone, and drop that one."""
        if len(batch) == 1:
            log.exception("dropped, it can't be handled", what=self._name, item=batch[0])
            return
        middle = len(batch) // 2
        await self._handle_until_done(batch[:middle])
        await self._handle_until_done(batch[middle:])
