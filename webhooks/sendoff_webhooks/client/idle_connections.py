"""Connections that wait for their next request."""

import asyncio
import time
from collections import deque

from sendoff_webhooks.client.connection import Connection
from sendoff_webhooks.client.origin import Origin


class IdleConnections:
    """Keeps connections for `keepalive` seconds, at most so many to one origin and in all; closes the others.

    The one that was used last is taken first, so that what a burst left over grows old and is closed.
    """

    def __init__(self, keepalive: float, per_origin: int, in_all: int) -> None:
        self._keepalive = keepalive
        self._per_origin = per_origin
        self._in_all = in_all
        self._by_origin: dict[Origin, deque[Connection]] = {}
        self._count = 0
        self._sweeper: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return self._count

    def take(self, origin: Origin) -> Connection | None:
        """The most recently used connection to this origin, if there is one."""
        waiting = self._by_origin.get(origin)
        while waiting:
            connection = waiting.pop()
            self._count -= 1
            if not connection.closed and time.monotonic() - connection.idle_since < self._keepalive:
                return connection
            connection.abort()
        return None

    def keep(self, origin: Origin, connection: Connection) -> None:
        """Let a connection wait."""
        waiting = self._by_origin.get(origin)
        if waiting is None:
            waiting = self._by_origin[origin] = deque()
        waiting.append(connection)
        self._count += 1
        if len(waiting) > self._per_origin:
            self._close_oldest(waiting)
        elif self._count > self._in_all:
            self._close_oldest(min(filter(None, self._by_origin.values()), key=lambda each: each[0].idle_since))
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(self._keepalive, self._sweep)

    def discard(self, origin: Origin, connection: Connection) -> None:
        """Forget a connection that was closed, whether it waits here or not."""
        waiting = self._by_origin.get(origin)
        if waiting and connection in waiting:
            waiting.remove(connection)
            self._count -= 1

    def close(self) -> None:
        """Forget all of them; whoever knows them closes them."""
        self._by_origin.clear()
        self._count = 0
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def _close_oldest(self, waiting: deque[Connection]) -> None:
        self._count -= 1
        waiting.popleft().abort()

    def _sweep(self) -> None:
        """Close what waited too long, and come again when the next one will have."""
        now, oldest = time.monotonic(), None
        for origin, waiting in tuple(self._by_origin.items()):
            while waiting and now - waiting[0].idle_since >= self._keepalive:
                self._close_oldest(waiting)
            if not waiting:
                del self._by_origin[origin]
            elif oldest is None or waiting[0].idle_since < oldest:
                oldest = waiting[0].idle_since
        wait = None if oldest is None else self._keepalive - (now - oldest)
        self._sweeper = None if wait is None else asyncio.get_running_loop().call_later(wait, self._sweep)
