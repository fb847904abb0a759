"""What a process knows of the customers with a limit of backlog: the limits, and how many messages wait of each.

It is read when it is needed, and in the background where that will do: a message of a customer without a limit waits
for none of it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog

from sendoff_db.failures import outages_as_unavailable
from sendoff_db.pool import Pool
from sendoff_db.sql import Row, fetch_all
from sendoff_domain.errors import UnavailableError

#: A figure counts for a second, longer if reading it takes more than a twentieth of that, but not without end.
_FRESH, _LONGEST_FRESH = 1.0, 5.0
_SHARE = 0.05
#: Beyond it the last figure counts on (seconds).
_QUERY_SECONDS = 2.0
_MOST_FORGOTTEN = 10_000
_log = structlog.get_logger("sendoff.accept")


class Line:
    """The messages of one customer that wait: those counted, and what this process has let in since.

    `under_way` of them were let in and may not be stored yet, so that a count does not see them. `is_full` since one
    was refused, until a count is below the limit.
    """

    __slots__ = ("counting", "fresh_until", "is_full", "under_way", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        self.under_way = 0
        self.is_full = False
        self.fresh_until = float("-inf")
        self.counting: asyncio.Task[None] | None = None


class BacklogFigures:
    """The limits of all customers that have one, and the lines of those that have sent something lately."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._limits: dict[str, int | None] = {}  # None: it was changed, and has to be read
        self._lines: dict[str, Line] = {}
        self._forgotten: set[str] = set()
        self._is_stale = True
        self._reading: asyncio.Task[None] | None = None
        self._counts = asyncio.Semaphore(max(1, pool.max_size // 2))
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Read the limits; a PostgreSQL that does not answer holds this up for two seconds at most."""
        await asyncio.wait({self._start_reading()}, timeout=_QUERY_SECONDS)

    async def close(self) -> None:
        """Read nothing any more."""
        tasks = {task for task in (self._reading, *(line.counting for line in self._lines.values())) if task}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._timer is not None:
            self._timer.cancel()

    def has_limit(self, customer: str) -> bool:
        """Whether this customer has a limit, or may have one by now; what was read a second ago is read again."""
        if self._is_stale:
            self._start_reading()
        return customer in self._limits

    def forget(self, customer: str) -> None:
        """Read the limit of this customer before its next message: it was changed."""
        if len(self._forgotten) < _MOST_FORGOTTEN:
            self._forgotten.add(customer)
            self._limits[customer] = None

    async def look_up(self, customers: Iterable[str]) -> dict[str, tuple[int, Line]]:
        """The limits of those that have one, with lines that are fresh.

        When PostgreSQL does not answer the last figures count on; a limit that could not be read is none.
        """
        asked = {customer for customer in customers if customer in self._limits}
        for _ in range(2):  # what is being read may be from before the change
            if all(self._limits.get(customer, 0) is not None for customer in asked):
                break
            await asyncio.wait({self._start_reading()})
        limits = {customer: limit for customer in asked if (limit := self._limits.get(customer)) is not None}
        await self._refresh(limits)
        return {customer: (limit, self._lines.setdefault(customer, Line())) for customer, limit in limits.items()}

    async def find_used_keys(self, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those pairs of customer and Idempotency-Key under which a message is stored.

        Raises UnavailableError when the database does not answer.
        """
        values = {"customers": [customer for customer, _ in pairs], "keys": [key for _, key in pairs]}
        return {(customer, key) for customer, key in await self._ask("find_used_keys", values)}

    def _start_reading(self) -> asyncio.Task[None]:
        self._is_stale = False
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_limits())
        return self._reading

    async def _read_limits(self) -> None:
        forgotten, self._forgotten = self._forgotten, set()
        started = asyncio.get_running_loop().time()
        try:
            rows = await self._ask("list_backlog_limits", {})
        except UnavailableError as error:
            self._forgotten |= forgotten
            _log.warning("the limits of backlogs count as they were", error=str(error))
        else:
            self._limits = {**dict(rows), **dict.fromkeys(self._forgotten)}
            self._lines = {name: line for name, line in self._lines.items() if name in self._limits or line.under_way}
        finally:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_lasts(loop.time() - started), self._grow_stale)

    def _grow_stale(self) -> None:
        self._is_stale = True

    async def _refresh(self, limits: Mapping[str, int]) -> None:
        now = asyncio.get_running_loop().time()
        lines = {customer: self._lines.setdefault(customer, Line()) for customer in limits}
        stale = {customer: line for customer, line in lines.items() if line.fresh_until <= now}
        to_count = {customer: line for customer, line in stale.items() if line.counting is None}
        if to_count:
            task = asyncio.create_task(self._count(to_count, [limits[customer] + 1 for customer in to_count]))
            for line in to_count.values():
                line.counting = task
        if stale:
            await asyncio.wait({line.counting for line in stale.values() if line.counting is not None})

    async def _count(self, lines: Mapping[str, Line], bounds: list[int]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with self._counts:
                started = loop.time()
                under_way = {customer: line.under_way for customer, line in lines.items()}
                rows = await self._ask("count_backlogs", {"customers": list(lines), "bounds": bounds})
            for (customer, counted), bound in zip(rows, bounds, strict=True):
                line = lines[customer]
                line.waiting = counted + under_way[customer]
                line.is_full = line.is_full and line.waiting + 1 >= bound
        except UnavailableError as error:
            _log.warning("backlogs count as they were", error=str(error))
        finally:
            for line in lines.values():
                line.counting = None
                line.fresh_until = loop.time() + _lasts(loop.time() - started)

    async def _ask(self, name: str, values: Mapping[str, Any]) -> list[Row]:
        with outages_as_unavailable(name):
            async with asyncio.timeout(_QUERY_SECONDS), self._pool.connection() as connection:
                return await fetch_all(connection, __package__, name, values)


def _lasts(took: float) -> float:
    """How long a figure counts that took so long to read."""
    return min(_LONGEST_FRESH, max(_FRESH, took / _SHARE))
