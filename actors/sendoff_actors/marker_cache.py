"""The Redis of the markers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio

from sendoff_config.settings import Settings


@asynccontextmanager
async def open_cache(settings: Settings) -> "AsyncIterator[redis.asyncio.Redis]":
    """Its client, as long as the block lasts; nothing waits for it for long."""
    cache = redis.asyncio.Redis.from_url(
        str(settings.redis.cache_url), socket_timeout=2, socket_connect_timeout=2, retry=None
    )
    try:
        yield cache
    finally:
        await cache.aclose()
