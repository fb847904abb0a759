"""The watch over customers: news is read at once, a flood of it at a bounded rate."""

import asyncio
import time
from collections.abc import Iterable

from sendoff_actors.sender.customer_watch import CustomerWatch


class Customers:
    """A cache that reads nothing, and when it was asked to."""

    def __init__(self) -> None:
        self.asked_at: list[float] = []

    async def ensure(self, incarnations: Iterable[int]) -> None:
        """Read, as far as the watch knows."""
        self.asked_at.append(time.monotonic())

    def forget(self, customer_id: str) -> None:
        """Read it anew, next time."""

    def get(self, incarnation: int) -> None:
        """Nobody is known."""


async def test_a_flood_of_changed_customers_costs_twenty_readings_a_second() -> None:
    customers = Customers()
    watch = CustomerWatch(customers, lambda: [1], lambda _: None)  # type: ignore[arg-type]  # as much as it needs

    async def flood() -> None:
        while True:
            watch.changed("acme")
            await asyncio.sleep(0)

    task = asyncio.create_task(flood())
    for _ in range(5):
        await watch.wait()
        await watch.run_once()
    task.cancel()
    gaps = [later - earlier for earlier, later in zip(customers.asked_at, customers.asked_at[1:], strict=False)]
    assert min(gaps) > 0.045
