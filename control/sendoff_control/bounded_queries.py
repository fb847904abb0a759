"""Queries that PostgreSQL answers in time or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sendoff_db.failures import describe, is_outage
from sendoff_db.pool import Connection, Pool
from sendoff_domain.errors import UnavailableError

T = TypeVar("T")

#: Between two tries of a query (seconds).
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.2


class BoundedQueries:
    """Runs queries through the pool, each within its own time.

    A query that is not answered in time is cancelled, but not waited for: a frozen server is given two seconds to
    confirm that (`BoundedConnection`).
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._running: set[asyncio.Task[object]] = set()

    async def ask(self, work: Callable[[Connection], Awaitable[T]], timeout: float) -> T:
        """Run `work` on a connection; raises UnavailableError when PostgreSQL does not answer within `timeout`.

        It is run again after an outage, such as a connection that turns out to be broken, so it must be harmless to
        repeat. What is no outage is raised as it is.
        """
        task = asyncio.ensure_future(self._run(work, timeout))
        self._running.add(task)
        task.add_done_callback(self._forget)
        done, _ = await asyncio.wait({task}, timeout=timeout)
        if not done:
            task.cancel()
            raise UnavailableError(f"PostgreSQL did not answer within {timeout:g} s")
        if task.cancelled():  # by a library beneath it: nobody here has
            raise UnavailableError("PostgreSQL did not answer: the query was given up")
        return task.result()

    async def close(self, timeout: float) -> None:
        """Cancel every running query and wait `timeout` seconds at most for that."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=timeout)

    async def _run(self, work: Callable[[Connection], Awaitable[T]], timeout: float) -> T:
        deadline, pause = asyncio.get_running_loop().time() + timeout, _FIRST_PAUSE
        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                async with self._pool.connection(timeout=max(left, 0.01)) as connection:
                    return await work(connection)
            except Exception as error:
                if not is_outage(error):
                    raise
                # after a restart of the server the pool may hold several broken connections, one attempt each
                if left < timeout / 4:
                    raise UnavailableError(f"PostgreSQL does not answer: {describe(error)}") from error
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _forget(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, or asyncio reports the error of an abandoned query
