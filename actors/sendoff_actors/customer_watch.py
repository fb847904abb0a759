"""Keeps what this process knows of the customers whose messages it holds fresh, and acts on what has changed."""

import asyncio
from collections.abc import Callable, Iterable

from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from sendoff_webhooks.customers import Customers

_EVERY = 1.0


class CustomerWatch:
    """Reads customers anew once a second, and at once when somebody says that one has changed.

    `in_hand` tells whose messages are held; `on_open_breaker` is called for each of these whose breaker is open.
    """

    def __init__(
        self, customers: Customers, in_hand: Callable[[], Iterable[str]], on_open_breaker: Callable[[str], None]
    ) -> None:
        self._customers = customers
        self._in_hand = in_hand
        self._on_open_breaker = on_open_breaker
        self._news = asyncio.Event()

    def changed(self, customer_id: str) -> None:
        """Somebody has changed this customer."""
        self._customers.forget(customer_id)
        self._news.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                async with asyncio.timeout(_EVERY):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            await self.turn()

    async def turn(self) -> None:
        """Read once; while the database does not answer everything stays as it is known."""
        in_hand = set(self._in_hand())
        try:
            await self._customers.ensure(in_hand)
        except (OperationalError, PoolTimeout):
            return
        for customer_id in in_hand:
            customer = self._customers.get(customer_id)
            if customer is not None and customer.breaker_open:
                self._on_open_breaker(customer_id)
