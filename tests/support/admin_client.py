"""A browser without a screen for the admin pages: it keeps cookies, fills in forms and follows what they answer."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

ADMIN_KEYS: list[dict[str, Any]] = [
    {"name": "boss", "secret": "boss-secret-of-many-letters", "role": "admin"},
    {"name": "operator", "secret": "operator-secret-of-many-letters", "role": "operator"},
    {"name": "viewer", "secret": "viewer-secret-of-many-letters", "role": "viewer"},
    {"name": "acme", "secret": "acme-secret-of-many-letters", "role": "operator", "customer": "acme"},
]
_find_token = re.compile(r'name="token" value="([0-9a-f]{64})"').search


@dataclass(frozen=True)
class Shown:
    """A page as it came."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass
class AdminClient:
    """One browser's session with the pages."""

    url: str
    session: aiohttp.ClientSession
    token: str = ""

    async def open(self, path: str, *, follow: bool = False) -> Shown:
        """Open a page; the token of its forms is kept for the next one that is sent."""
        async with self.session.get(self.url + path, allow_redirects=follow) as response:
            return self._keep(Shown(response.status, response.headers, await response.text()))

    async def send(self, path: str, *, follow: bool = True, **fields: Any) -> Shown:
        """Send a form with the token of the page that was opened last, and see the page that follows."""
        form = {"token": self.token, **fields}
        async with self.session.post(self.url + path, data=form, allow_redirects=follow) as response:
            return self._keep(Shown(response.status, response.headers, await response.text()))

    async def log_in(self, name: str) -> Shown:
        """Log in with the key of that name."""
        await self.open("/admin/login")
        secret = next(key["secret"] for key in ADMIN_KEYS if key["name"] == name)
        return await self.send("/admin/login", secret=secret)

    def _keep(self, shown: Shown) -> Shown:
        found = _find_token(shown.text)
        if found is not None:
            self.token = found[1]
        return shown


@asynccontextmanager
async def visiting(url: str, name: str | None = None) -> AsyncIterator[AdminClient]:
    """A new browser, logged in with the key of that name."""
    jar = aiohttp.CookieJar(unsafe=True)  # a server on an address may set cookies, too
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        client = AdminClient(url, session)
        if name is not None:
            shown = await client.log_in(name)
            assert shown.status == 200, shown.text
        yield client
