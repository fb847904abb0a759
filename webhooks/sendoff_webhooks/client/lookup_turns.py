"""Who may look a name up next: each look-up holds a thread, and a name server that is dead holds it for long."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: A look-up that takes longer is slow (seconds).
_PATIENCE = 0.5
#: Look-ups of one customer at once, and those of all that are not slow.
_SHARE, _QUICK = 4, 64


class LookupTurns:
    """At most `most` look-ups at once: customers in turn, each with a share: its dead names wait for one another.

    What has become slow makes room for another one, up to `most`.
    """

    def __init__(self, most: int, *, quick: int = _QUICK, share: int = _SHARE, patience: float = _PATIENCE) -> None:
        self._most = most
        self._quick = quick
        self._share = share
        self._patience = patience
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._running: Counter[str] = Counter()
        self._total = 0
        self._slow = 0

    @asynccontextmanager
    async def turn(self, customer: str) -> AsyncIterator[None]:
        """Wait for a turn of this customer, and have it as long as the block lasts."""
        loop = asyncio.get_running_loop()
        await self._wait(customer, loop.create_future())
        became_slow: list[None] = []
        timer = loop.call_later(self._patience, self._make_room, became_slow)
        try:
            yield
        finally:
            timer.cancel()
            self._slow -= len(became_slow)
            self._end(customer)

    async def _wait(self, customer: str, waiter: "asyncio.Future[None]") -> None:
        self._waiting.setdefault(customer, deque()).append(waiter)
        self._let_through()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._leave(customer, waiter)
            else:  # it was let through in the same moment
                self._end(customer)
            raise

    def _leave(self, customer: str, waiter: "asyncio.Future[None]") -> None:
        queue = self._waiting.get(customer, deque())
        if waiter in queue:  # unless it was passed over in the same moment
            queue.remove(waiter)
            if not queue:
                del self._waiting[customer]

    def _make_room(self, became_slow: list[None]) -> None:
        became_slow.append(None)
        self._slow += 1
        self._let_through()

    def _end(self, customer: str) -> None:
        self._total -= 1
        self._running[customer] -= 1
        if not self._running[customer]:
            del self._running[customer]
        self._let_through()

    def _let_through(self) -> None:
        with_share: dict[str, deque[asyncio.Future[None]]] = {}
        while self._waiting and self._total < self._most and self._total - self._slow < self._quick:
            customer = next(iter(self._waiting))
            queue = self._waiting.pop(customer)
            if self._running[customer] >= self._share:
                with_share[customer] = queue
                continue
            waiter = queue.popleft()
            if queue:
                self._waiting[customer] = queue  # behind the others
            if waiter.cancelled():
                continue
            self._running[customer] += 1
            self._total += 1
            waiter.set_result(None)
        if with_share:
            self._waiting = with_share | self._waiting
