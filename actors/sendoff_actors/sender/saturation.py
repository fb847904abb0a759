"""Tells the claims of the fleet of whose messages this process has more than it can send."""

import asyncio
import time
from collections.abc import Callable

from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from sendoff_db.pool import Pool
from sendoff_db.sql import read_statement

_EVERY = 0.1
#: A crowd counts for so long (seconds); it is written again when half of it is over.
_LASTS = 10.0


class SaturationReporter:
    """Looks who is crowded, and writes it down where claims look.

    A hint: while one is missing a customer's messages are claimed and wait here, which costs their neighbours nothing.
    """

    def __init__(self, pool: Pool, holder: str, look: Callable[[], frozenset[str]]) -> None:
        self._pool = pool
        self._holder = holder
        self._look = look
        self._written: dict[str, float] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            await self.turn()

    async def turn(self) -> None:
        """Look once, and write what has changed."""
        crowded, now = self._look(), time.monotonic()
        due = [customer for customer in crowded if now - self._written.get(customer, -_LASTS) > _LASTS / 2]
        over = [customer for customer in self._written if customer not in crowded]
        if not due and not over:
            return
        values = {"holder": self._holder, "saturated": due, "over": over, "lasts": _LASTS}
        try:
            async with self._pool.connection() as connection:
                await connection.execute(read_statement(__package__, "write_saturated_customers"), values)
        except (OperationalError, PoolTimeout):  # without PostgreSQL there are no claims either
            return
        self._written = {each: since for each, since in self._written.items() if each in crowded} | dict.fromkeys(
            due, now
        )
