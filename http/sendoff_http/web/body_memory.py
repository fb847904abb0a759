"""Bounds the memory of large bodies: one is read only when there is room for all of it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sendoff_domain.errors import UnavailableError

#: How long a request waits for room before its client is asked to come again.
_PATIENCE_SECONDS = 10.0


class BodyMemory:
    """`most` bytes, which requests share in the order in which they come; belongs to one event loop."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def reserved(self, size: int) -> AsyncIterator[None]:
        """Hold so many bytes as long as the block lasts; raises UnavailableError when none get free in time."""
        await self._take(size)
        try:
            yield
        finally:
            self._give_back(size)

    async def _take(self, size: int) -> None:
        if not self._waiting and size <= self._free:
            self._free -= size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # it got room and could not use it any more
                self._give_back(size)
            else:
                self._give_back(0)  # who waits behind it may need less
            if isinstance(error, TimeoutError):
                raise UnavailableError("too many large bodies at once; try again") from None
            raise

    def _give_back(self, size: int) -> None:
        self._free += size
        while self._waiting:
            wanted, turn = self._waiting[0]
            if not turn.done():
                if wanted > self._free:
                    return
                self._free -= wanted
                turn.set_result(None)
            self._waiting.popleft()
