"""Queries that PostgreSQL answers in time or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg

from sendoff_db.pool import Connection, Pool
from sendoff_domain.errors import UnavailableError

T = TypeVar("T")


class BoundedQueries:
    """Runs queries through the pool, each within its own time.

    A query that is not answered in time is cancelled, but not waited for: psycopg gives a frozen server up to ten
    seconds to confirm that.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._running: set[asyncio.Task[object]] = set()

    async def ask(self, work: Callable[[Connection], Awaitable[T]], timeout: float) -> T:
        """Run `work` on a connection; raises UnavailableError when PostgreSQL does not answer within `timeout`.

        It is run again when the connection turns out to be broken, so it must be harmless to repeat.
        """
        task = asyncio.ensure_future(self._run(work, timeout))
        self._running.add(task)
        task.add_done_callback(self._forget)
        done, _ = await asyncio.wait({task}, timeout=timeout)
        if not done:
            task.cancel()
            raise UnavailableError(f"PostgreSQL did not answer within {timeout:g} s")
        return task.result()

    async def close(self, timeout: float) -> None:
        """Cancel every running query and wait `timeout` seconds at most for that."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=timeout)

    async def _run(self, work: Callable[[Connection], Awaitable[T]], timeout: float) -> T:
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                async with self._pool.connection(timeout=max(left, 0.01)) as connection:
                    return await work(connection)
            except psycopg.OperationalError as error:
                # after a restart of the server the pool may hold several broken connections, one attempt each
                if left < timeout / 4:
                    raise UnavailableError(f"PostgreSQL does not answer: {error}") from error
                await asyncio.sleep(0.02)

    def _forget(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, or asyncio reports the error of an abandoned query
