"""Connections to PostgreSQL: one pool per process, made in the process that uses it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from sendoff_config.settings import PostgresSettings
from sendoff_db.bounded_connection import BoundedConnection, connection_info
from sendoff_db.packed_arrays import PackedArray, PackedArrayDumper

Connection = AsyncConnection
Pool = AsyncConnectionPool[AsyncConnection]

#: A server that is left is left by all connections, but not more often than this (seconds).
_LEAVING_PAUSE = 1.0


@asynccontextmanager
async def open_pool(
    settings: PostgresSettings, name: str, *, size: int | None = None, patience: timedelta | None = None
) -> AsyncIterator[Pool]:
    """A pool of autocommit connections that works through PgBouncer in transaction mode.

    It opens without waiting for PostgreSQL; a caller that finds none gets psycopg_pool.PoolTimeout after 10 s, and one
    whose statement is not answered within `patience` (by default `postgres.timeout`) psycopg.OperationalError.
    A connection that comes back broken is replaced. When the server of one has gone or was demoted, all leave it: the
    idle ones at once, the others when they come back.
    """
    if settings.url is None:
        raise ValueError("expected postgres.url to be set once the servers run")
    allowed = (patience or settings.timeout).total_seconds()

    async def configure(connection: Connection) -> None:
        connection.adapters.register_dumper(PackedArray, PackedArrayDumper)
        if isinstance(connection, BoundedConnection):
            connection.patience, connection.on_leaving = allowed, leaving.begin

    pool: Pool = AsyncConnectionPool(
        connection_info(settings, name),
        connection_class=BoundedConnection,
        min_size=1,
        max_size=size or settings.pool_size,
        timeout=10,
        max_idle=300,
        reconnect_timeout=1,  # the pauses double until then; the next request starts anew
        open=False,
        configure=configure,
        name=name,
        kwargs={"autocommit": True, "prepare_threshold": 2 if settings.prepared_statements else None},
    )
    leaving = _Leaving(pool)
    await pool.open(wait=False)
    try:
        yield pool
    finally:
        await pool.close(timeout=5)


class _Leaving:
    """Has all connections of a pool replaced."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._began_at = float("-inf")

    async def begin(self) -> None:
        """Replace them, unless that was begun just now."""
        now = time.monotonic()
        if not self._pool.closed and now - self._began_at > _LEAVING_PAUSE:
            self._began_at = now
            await self._pool.drain()
