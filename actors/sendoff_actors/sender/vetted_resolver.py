"""Resolves names to addresses that may be called; one forbidden address spoils the name."""

import socket
from collections.abc import Sequence

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from sendoff_domain.addresses import Network, vetted


class ForbiddenAddressError(Exception):
    """The name or address must not be called (SSRF policy)."""


class VettedResolver(AbstractResolver):
    """Looks a name up once; the connector then connects to exactly these addresses."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._resolver = ThreadedResolver()
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host; raises ForbiddenAddressError, or OSError when the name does not resolve."""
        results = await self._resolver.resolve(host, port, family)
        if not vetted([result["host"] for result in results], self._allowed):
            raise ForbiddenAddressError(f"{host} leads to an address that must not be called")
        return results

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._resolver.close()
