"""Who is at the browser: sessions are opened with an API key's secret, and end when the key does."""

import time
from collections.abc import Mapping

from aiohttp import web

from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import fetch_one
from sendoff_domain.access import Caller, Scope, key_digest
from sendoff_domain.errors import UnavailableError
from sendoff_http.admin.session_cookie import read_session, seal_session, signing_key_of

#: How long a session lasts, whatever happens in it.
SESSION_SECONDS = 12 * 3600
#: The shared key is read again after so long: a database may be replaced by a restored one.
_KEY_SECONDS = 60.0


class Sessions:
    """The sessions of one installation: each of its API processes knows those that another one has opened."""

    def __init__(self, pool: Pool, configured: Mapping[bytes, Caller]) -> None:
        """`configured` are the keys of config.yaml, by the digests of their secrets."""
        self._pool = pool
        self._configured = {caller.id: (digest, caller) for digest, caller in configured.items()}
        self._signing_key: tuple[bytes, float] | None = None

    async def open(self, secret: str, caller: Caller) -> str:
        """The cookie of a new session for the key with this secret, which was found to be good."""
        ends_at = int(time.time()) + SESSION_SECONDS
        return seal_session(await self.signing_key(), caller.id, key_digest(secret), ends_at)

    async def caller_of(self, cookie: str) -> Caller | None:
        """Whose session a cookie is; None if it is nobody's, has ended, or its key was revoked or has expired."""
        session = read_session(cookie)
        if session is None:
            return None
        found = self._configured.get(session.key_id) or await self._find(session.key_id)
        if found is None:
            return None
        digest, caller = found
        return caller if session.is_genuine(await self.signing_key(), digest, time.time()) else None

    async def signing_key(self) -> bytes:
        """The key that cookies and forms are signed with."""
        known = self._signing_key
        if known is None or time.monotonic() - known[1] > _KEY_SECONDS:
            async with self._pool.connection() as connection:
                known = self._signing_key = signing_key_of(await _read_shared_key(connection)), time.monotonic()
        return known[0]

    async def _find(self, key_id: str) -> tuple[bytes, Caller] | None:
        async with self._pool.connection() as connection:
            row = await fetch_one(connection, __package__, "find_session_key", {"id": key_id})
        if row is None:
            return None
        digest, scopes, customer_id, rate = row
        return bytes(digest), Caller(key_id, frozenset(Scope(scope) for scope in scopes), customer_id, rate)


SESSIONS: web.AppKey[Sessions] = web.AppKey("sessions", Sessions)


async def _read_shared_key(connection: Connection) -> bytes:
    row = await fetch_one(connection, __package__, "read_shared_key")
    if row is None:
        raise UnavailableError("the table handoff_key is empty: insert 32 random bytes")
    return bytes(row[0])
