"""Gathers items that arrive one by one and handles them many at a time."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

import structlog

from sendoff_config.service import is_asked_to_end
from sendoff_db.failures import describe, is_outage

T = TypeVar("T")
log = structlog.get_logger("sendoff.recording")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
#: An item that is refused alone is tried again after these pauses (seconds): what blames it may pass.
_PATIENCE = (1.0, 4.0)


class MicroBatches(Generic[T]):
    """A service: while it handles one batch the next one gathers, so a batch is as large as the handling is slow.

    `rest` (seconds) follows each batch, so that the next one is larger still; after a time without items the first one
    waits for nothing. `handle` gets 1 to `largest` items. After an outage (`is_outage`) the same items are tried again
    until they are taken. Whatever else it raises is the fault of an item: the batch is halved until that one is alone,
    which is tried again after each pause of `patience`, beside the others, and then given to `set_aside` with why,
    which says so in the log.
    """

    def __init__(
        self,
        name: str,
        handle: Callable[[list[T]], Awaitable[None]],
        *,
        set_aside: Callable[[T, str], None] | None = None,
        patience: Sequence[float] = _PATIENCE,
        largest: int = 500,
        rest: float = 0,
    ) -> None:
        self.name = name
        self._handle = handle
        self._set_aside = set_aside
        self._patience = patience
        self._largest = largest
        self._rest = rest
        self._rested_at = 0.0
        self._items: list[T] = []
        self._filled = asyncio.Event()
        self._is_handling = False
        #: Since when (`time.monotonic()`) the batch that is being handled is, or None.
        self.handling_since: float | None = None
        self._is_draining = False
        self._emptied = asyncio.Event()
        #: By identity, what was refused alone and how often; each is kept alive by the timer that puts it back.
        self._refused: dict[int, int] = {}

    def put(self, item: T) -> None:
        """Hand in one item."""
        self._items.append(item)
        self._filled.set()

    def put_all(self, items: Iterable[T]) -> None:
        """Hand in several items."""
        self._items.extend(items)
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
            self._is_handling, self.handling_since = True, time.monotonic()
            try:
                await self._handle_until_done(batch)
            finally:
                self._is_handling, self.handling_since = False, None
        self._rested_at = time.monotonic() + self._rest
        if not self._items:
            self._emptied.set()

    async def drain(self, timeout: float) -> None:
        """Wait until the service has handled what is there, for `timeout` seconds at most; it rests no more."""
        self._is_draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._items or self._is_handling or self._refused:
                    self._emptied.clear()
                    await self._emptied.wait()

    async def _handle_until_done(self, batch: list[T]) -> None:
        pause = _FIRST_PAUSE
        while (error := await self._error_of(batch)) is not None:
            if not is_outage(error):
                await self._without_poison(batch, error)
                return
            log.warning("trying again", what=self.name, items=len(batch), error=describe(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        if self._refused:
            for item in batch:
                self._refused.pop(id(item), None)

    async def _error_of(self, batch: list[T]) -> BaseException | None:
        """Handle the batch; returns what that raised. A cancellation which only a client library asked for is one."""
        try:
            await self._handle(batch)
        except asyncio.CancelledError:
            if is_asked_to_end():
                raise
            return ConnectionAbortedError("a client library gave up")
        except Exception as error:  # noqa: BLE001  whatever it is, it must not end the recording of the others
            return error
        return None

    async def _without_poison(self, batch: list[T], error: BaseException) -> None:
        """Halve a batch that can't be handled until the one item to blame is alone."""
        if len(batch) == 1:
            self._refuse(batch[0], error)
            return
        middle = len(batch) // 2
        await self._handle_until_done(batch[:middle])
        await self._handle_until_done(batch[middle:])

    def _refuse(self, item: T, error: BaseException) -> None:
        tries = self._refused.pop(id(item), 0)
        if tries < len(self._patience):
            self._refused[id(item)] = tries + 1
            asyncio.get_running_loop().call_later(self._patience[tries], self.put, item)
            return
        if self._set_aside is None:
            log.error("set aside, it can't be handled", what=self.name, error=describe(error))
        else:
            self._set_aside(item, describe(error))
