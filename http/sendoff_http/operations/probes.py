"""Whether the servers behind us answer, each within a deadline."""

import asyncio
import contextlib
from collections.abc import Awaitable
from urllib.parse import urlsplit

import psycopg
import redis.asyncio
from psycopg_pool import PoolTimeout
from redis import RedisError

from sendoff_config.settings import Settings
from sendoff_db.migrator import pending
from sendoff_db.pool import Pool
from sendoff_domain.errors import MigrationError

#: A probe of an orchestrator gives up after a few seconds; the answer must be there before.
_DEADLINE_SECONDS = 2.0


async def probe_all(settings: Settings, pool: Pool) -> dict[str, str]:
    """What each server says: `up`, `down`, `off` (not configured) or, for the database, `outdated`."""
    names = ("postgres", "redis", "nats")
    results = await asyncio.gather(
        _within_deadline(_probe_postgres(pool)),
        _within_deadline(_probe_redis(settings.redis.broker_url)),
        _within_deadline(_probe_nats(settings.nats.url)),
    )
    return dict(zip(names, results, strict=True))


async def _within_deadline(probe: Awaitable[str]) -> str:
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            return await probe
    except (TimeoutError, OSError, psycopg.Error, PoolTimeout, RedisError, ValueError):
        return "down"


async def _probe_postgres(pool: Pool) -> str:
    async with pool.connection(timeout=_DEADLINE_SECONDS) as connection:
        try:
            return "outdated" if await pending(connection) else "up"
        except MigrationError:
            return "outdated"


async def _probe_redis(url: str | None) -> str:
    if url is None:
        return "off"
    async with redis.asyncio.from_url(url) as client:
        await client.ping()
    return "up"


async def _probe_nats(url: str | None) -> str:
    """A NATS server greets whoever connects with INFO; no login is needed to hear it."""
    if url is None:
        return "off"
    for one in url.split(","):
        parts = urlsplit(one.strip())
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 4222)
            try:
                if (await reader.readline()).startswith(b"INFO"):
                    return "up"
            finally:
                writer.close()
    return "down"
