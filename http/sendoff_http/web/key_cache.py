"""The keys of the database that were used lately, so that most requests need no query for theirs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import psycopg
import structlog
from aiohttp import web

from sendoff_db.pool import Pool
from sendoff_db.sql import fetch_one
from sendoff_domain.access import Caller, Scope
from sendoff_http.web.keys import POOL

#: So long (seconds) a key counts that was revoked by another process, or has expired.
_FRESH = 2.0
#: So many queries at once: guessed secrets wait for one another, not the messages for them.
_MOST_QUERIES = 2
_QUERY_SECONDS = 2.0
_MOST_KEPT = 10_000
log = structlog.get_logger("sendoff.http")


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    read_at: float


class KeyCache:
    """Callers by the digests of their secrets, read again after two seconds; requests of one key share a query."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[bytes, _Known] = {}
        self._reading: dict[bytes, asyncio.Task[Caller | None]] = {}
        self._revocations = 0
        self._permits = asyncio.Semaphore(_MOST_QUERIES)

    async def find(self, digest: bytes) -> Caller | None:
        """The caller with this secret, None if there is none, or the key is revoked or expired.

        Raises psycopg.Error or TimeoutError when the database does not answer. A key that was known before counts all
        the same then: whatever is asked for with it needs the database, too.
        """
        known = self._known.get(digest)
        if known is not None and time.monotonic() - known.read_at < _FRESH:
            return known.caller
        reading = self._reading.get(digest)
        if reading is None:
            reading = self._reading[digest] = asyncio.create_task(self._read(digest))
            reading.add_done_callback(lambda read: self._end(digest, read))
        return await asyncio.shield(reading)

    def forget(self, key_id: str) -> None:
        """Read this key anew when it is used next: it was revoked. What is being read now may be from before that."""
        self._forget(lambda caller: caller.id == key_id)

    def forget_customer(self, customer_id: str) -> None:
        """Read the keys of this customer anew: it may be another one of the same id, which they are not bound to."""
        self._forget(lambda caller: caller.customer == customer_id)

    def _forget(self, concerns: Callable[[Caller], bool]) -> None:
        self._revocations += 1
        self._reading.clear()
        for digest in [digest for digest, known in self._known.items() if concerns(known.caller)]:
            del self._known[digest]

    def _end(self, digest: bytes, read: asyncio.Task[Caller | None]) -> None:
        if self._reading.get(digest) is read:
            del self._reading[digest]

    async def _read(self, digest: bytes) -> Caller | None:
        revocations = self._revocations
        try:
            caller = await self._query(digest)
        except (psycopg.Error, TimeoutError) as error:
            known = self._known.get(digest)
            if known is None:
                raise
            log.warning("a key could not be read again", key=known.caller.id, error=type(error).__name__)
            return known.caller
        if revocations != self._revocations:
            return caller
        self._known.pop(digest, None)
        if caller is not None:
            self._known[digest] = _Known(caller, time.monotonic())
            if len(self._known) > _MOST_KEPT:
                del self._known[next(iter(self._known))]
        return caller

    async def _query(self, digest: bytes) -> Caller | None:
        async with asyncio.timeout(_QUERY_SECONDS), self._permits, self._pool.connection() as connection:
            row = await fetch_one(connection, __package__, "find_key", {"digest": digest})
        if row is None:
            return None
        key_id, scopes, customer_id, rate = row
        return Caller(key_id, frozenset(Scope(scope) for scope in scopes), customer_id, rate)


KEY_CACHE: web.AppKey[KeyCache] = web.AppKey("key_cache", KeyCache)


async def hold_key_cache(app: web.Application) -> AsyncIterator[None]:
    """Keep the keys that were used lately as long as the application runs."""
    app[KEY_CACHE] = KeyCache(app[POOL])
    yield
