"""Keeps what this process knows of the customers whose messages it holds fresh, and acts on what has changed."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable

from sendoff_domain.errors import UnavailableError
from sendoff_webhooks.customer_cache import CustomerCache

_EVERY = 1.0
#: However often customers are said to have changed, this long passes between two readings (seconds).
_GAP = 0.05


class CustomerWatch:
    """The service that reads customers anew once a second, and at once when one of them has changed.

    `held_customers` tells whose messages this process holds, by incarnations; `on_open_breaker` is called at each turn
    with each of these customers whose breaker is open.
    """

    name = "customer watch"

    def __init__(
        self,
        customers: CustomerCache,
        held_customers: Callable[[], Iterable[int]],
        on_open_breaker: Callable[[str], None],
    ) -> None:
        self._customers = customers
        self._held_customers = held_customers
        self._on_open_breaker = on_open_breaker
        self._news = asyncio.Event()
        self._next_at = 0.0

    def changed(self, customer_id: str) -> None:
        """Read this customer anew at once: it was changed, by this process or another one."""
        self._customers.forget(customer_id)
        self._news.set()

    async def wait(self) -> None:
        """Wait for a change, a second at most; after one that was read the next ones wait a moment for each other."""
        await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_EVERY):
                await self._news.wait()
        self._news.clear()

    async def run_once(self) -> None:
        """Read once; while the database does not answer everything stays as it is known."""
        self._next_at = time.monotonic() + _GAP
        held = set(self._held_customers())
        try:
            await self._customers.ensure(held)
        except UnavailableError:
            return
        for incarnation in held:
            customer = self._customers.get(incarnation)
            if customer is not None and customer.breaker_open:
                self._on_open_breaker(customer.id)
