"""Tells the claims of the fleet of which customers this process has more messages than it can send."""

import asyncio
import time
from collections.abc import Callable

from sendoff_db.pool import Pool
from sendoff_db.sql import ask
from sendoff_domain.errors import UnavailableError

_EVERY = 0.1
#: A saturation counts for so long (seconds); it is written again when half of it is over.
_LASTS = 10.0


class SaturationReporter:
    """The service that calls `rebalance` and writes the saturated customers that it returns where claims look.

    A hint: while one is missing a customer's messages are claimed and wait here, which costs other customers nothing.
    """

    name = "saturation reporter"

    def __init__(self, pool: Pool, process: str, rebalance: Callable[[], frozenset[str]]) -> None:
        self._pool = pool
        self._process = process
        self._rebalance = rebalance
        self._written: dict[str, float] = {}

    async def wait(self) -> None:
        """Wait a tenth of a second."""
        await asyncio.sleep(_EVERY)

    async def run_once(self) -> None:
        """Rebalance, and write what has changed."""
        saturated, now = self._rebalance(), time.monotonic()
        due = [customer for customer in saturated if now - self._written.get(customer, -_LASTS) > _LASTS / 2]
        over = [customer for customer in self._written if customer not in saturated]
        if not due and not over:
            return
        values = {"process": self._process, "saturated": due, "over": over, "lasts": _LASTS}
        try:
            await ask(self._pool, __package__, "write_saturated_customers", values)
        except UnavailableError:  # without PostgreSQL there are no claims either
            return
        kept = {customer: written_at for customer, written_at in self._written.items() if customer in saturated}
        self._written = kept | dict.fromkeys(due, now)
