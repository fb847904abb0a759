"""What the charts of the last hour show: one point for each ten seconds.

Nothing in the database keeps the past of a backlog, so each API process remembers what it saw itself, and knows nothing
of the time before its start. What was sent, and how late, is read from the deliveries, also for the time before.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from aiohttp import web

from sendoff_config.service import run_services
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import fetch_all, fetch_all_as
from sendoff_domain.errors import UnavailableError
from sendoff_http.web.keys import POOL, database_now

#: Seconds between two points, and how many points there are: an hour.
STEP, KEPT = 10, 360
#: A point is read so long (seconds) after its end, when its deliveries are recorded.
_SETTLED = 2
#: So many spans are read by one statement, and so long (seconds) a page waits for all of them.
_SPANS_PER_STATEMENT = 60
_PATIENCE = 0.05
#: More deliveries than that are not counted in one span: then nobody knows how many there were.
_MOST_SENT = 200_000
_MOST_COUNTED = 20_000
_LOOKED_AT = 500
_LAST_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent within one step: per second, and how late (ms); None where it is not known."""

    rate: float | None
    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits and what is dead; `..._is_more` means that the number is an estimate, or there are more."""

    due: int
    due_is_more: bool
    retrying: int
    retrying_is_more: bool
    dead: int
    dead_is_more: bool
    lag_seconds: float | None
    died_lately: int
    workers: int


@dataclass(frozen=True, slots=True)
class Hour:
    """The last hour, the oldest point first; None where nothing is known."""

    sent: Sequence[Sent | None]
    backlog: Sequence[Backlog | None]


class Samples:
    """The points that this process knows; a service that adds one every ten seconds."""

    name = "samples of the admin pages"

    def __init__(self, app: web.Application, pool: Pool) -> None:
        self._app = app
        self._pool = pool
        self._sent: dict[int, Sent] = {}
        self._backlog: deque[tuple[int, Backlog]] = deque(maxlen=KEPT)
        self._filling: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """Wait for the next point."""
        await asyncio.sleep(STEP - (time.time() - _SETTLED) % STEP)

    async def run_once(self) -> None:
        """Remember how it is now; a server that does not answer leaves a gap."""
        try:
            number = self._last_number()
            async with self._pool.connection() as connection:
                backlog = await read_backlog(connection)
                self._sent |= await _read_sent(connection, [number])
        except (psycopg.Error, TimeoutError, UnavailableError):
            return
        self._backlog.append((number, backlog))
        for old in [one for one in self._sent if one <= number - KEPT]:
            del self._sent[old]

    async def hour(self) -> Hour:
        """The last hour; what was sent before this process began to look is read now, if that is quick."""
        last = self._last_number()
        numbers = range(last - KEPT + 1, last + 1)
        if self._filling is None and any(number not in self._sent for number in numbers):
            self._filling = asyncio.create_task(self._fill([one for one in numbers if one not in self._sent]))
        if self._filling is not None:
            await asyncio.wait({self._filling}, timeout=_PATIENCE)
        backlog = dict(self._backlog)
        return Hour([self._sent.get(one) for one in numbers], [backlog.get(one) for one in numbers])

    async def close(self) -> None:
        """Read no more."""
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.wait({self._filling})

    async def _fill(self, numbers: list[int]) -> None:
        try:
            for start in range(0, len(numbers), _SPANS_PER_STATEMENT):
                some = numbers[max(0, len(numbers) - start - _SPANS_PER_STATEMENT) : len(numbers) - start]
                async with self._pool.connection() as connection:
                    self._sent |= await _read_sent(connection, some)
        except (psycopg.Error, TimeoutError):
            return  # the next page tries again
        finally:
            self._filling = None

    def _last_number(self) -> int:
        """The number of the last step that has ended; steps are counted since 1970 by the database's clock."""
        return int(database_now(self._app) - _SETTLED) // STEP - 1


SAMPLES: web.AppKey[Samples] = web.AppKey("samples", Samples)


async def hold_samples(app: web.Application) -> AsyncIterator[None]:
    """Remember points as long as the application runs."""
    samples = app[SAMPLES] = Samples(app, app[POOL])
    async with run_services(samples):
        yield
    await samples.close()


async def read_backlog(connection: Connection) -> Backlog:
    """What waits and what is dead now."""
    (backlog,) = await fetch_all_as(connection, __package__, "count_backlog", {"bound": _MOST_COUNTED}, kind=Backlog)
    return backlog


async def read_lateness(connection: Connection) -> tuple[float | None, float | None]:
    """The median and the 99th percentile of the lateness (ms) of the last messages sent."""
    ((found,),) = await fetch_all(connection, __package__, "read_lateness", {"sampled": _LAST_LOOKED_AT})
    return (None, None) if found is None else (found[0], found[1])


async def _read_sent(connection: Connection, numbers: Sequence[int]) -> dict[int, Sent]:
    starts = [datetime.fromtimestamp(number * STEP, UTC) for number in numbers]
    values = {"starts": starts, "length": timedelta(seconds=STEP), "bound": _MOST_SENT, "sampled": _LOOKED_AT}
    rows = await fetch_all(connection, __package__, "sample_deliveries", values)
    return {int(start.timestamp()) // STEP: _sent(count, lateness) for start, count, lateness in rows}


def _sent(count: int, lateness: Sequence[float] | None) -> Sent:
    p50, p99 = (None, None) if lateness is None else lateness
    return Sent(None if count >= _MOST_SENT else count / STEP, p50, p99)
