"""Connections to PostgreSQL: one pool per process, made in the process that uses it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from sendoff_config.settings import PostgresSettings
from sendoff_db.packed_arrays import PackedArray, PackedArrayDumper

Connection = AsyncConnection
Pool = AsyncConnectionPool[AsyncConnection]


@asynccontextmanager
async def open_pool(settings: PostgresSettings, name: str, *, size: int | None = None) -> AsyncIterator[Pool]:
    """A pool of autocommit connections that works through PgBouncer in transaction mode.

    It opens without waiting for PostgreSQL; a caller that finds none gets psycopg_pool.PoolTimeout after 10 s.
    Every connection is checked by the pool when it comes back broken, and replaced.
    """
    if settings.url is None:
        raise ValueError("expected postgres.url to be set once the servers run")
    pool: Pool = AsyncConnectionPool(
        make_conninfo(settings.url, application_name=f"sendoff {name}", connect_timeout=5),
        min_size=1,
        max_size=size or settings.pool_size,
        timeout=10,
        max_idle=300,
        reconnect_timeout=1,  # the pauses double until then; the next request starts anew
        open=False,
        configure=_configure,
        name=name,
        kwargs={"autocommit": True, "prepare_threshold": 2 if settings.prepared_statements else None},
    )
    await pool.open(wait=False)
    try:
        yield pool
    finally:
        await pool.close(timeout=5)


async def _configure(connection: Connection) -> None:
    connection.adapters.register_dumper(PackedArray, PackedArrayDumper)
