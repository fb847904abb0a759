"""Webhook requests through aiohttp."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address

import aiohttp
from yarl import URL

from sendoff_actors.sender.transport import ANSWER_LIMIT, Answer, TransportError
from sendoff_actors.sender.vetted_resolver import ForbiddenAddressError, VettedResolver
from sendoff_domain.addresses import Network, may_be_called
from sendoff_domain.outcome import ErrorClass

#: Shorter than the 60 to 75 s after which common servers close an idle connection (seconds).
_KEEPALIVE = 50
_DNS_CACHE = 30


class AiohttpTransport:
    """One session for the life of the process; connections are kept alive and bounded by the caller's slots."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=_KEEPALIVE, ttl_dns_cache=_DNS_CACHE, resolver=VettedResolver(allowed)
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("accept", "accept-encoding", "user-agent"),
        )

    async def post(
        self, url: str, headers: dict[str, str], body: bytes, timeout: timedelta, connect_timeout: timedelta
    ) -> Answer:
        """One request; raises TransportError when there is no answer."""
        target = URL(url, encoded=True)
        self._refuse_forbidden_literal(target)
        limits = aiohttp.ClientTimeout(total=timeout.total_seconds(), connect=connect_timeout.total_seconds())
        try:
            async with self._session.post(
                target, data=body, headers=headers, timeout=limits, allow_redirects=False
            ) as response:
                content = await self._read(response)
                return Answer(response.status, content, response.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError, OSError, ForbiddenAddressError, ValueError) as error:
            raise _classified(error) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    def _refuse_forbidden_literal(self, target: URL) -> None:
        try:
            address = ip_address(target.raw_host or "")
        except ValueError:
            return  # a name: the resolver decides
        if not may_be_called(address, self._allowed):
            raise TransportError(ErrorClass.FORBIDDEN_ADDRESS, f"{address} must not be called")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_chunked(ANSWER_LIMIT):
            content += chunk
            if len(content) >= ANSWER_LIMIT:
                response.close()  # the rest is not worth reading, and a connection in mid-answer can't be used again
                break
        return bytes(content[:ANSWER_LIMIT])


def _classified(error: Exception) -> TransportError:
    detail = str(error) or type(error).__name__
    for kind, error_class in _CLASSES:
        if isinstance(error, kind):
            return TransportError(error_class, detail)
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(inner, ConnectionRefusedError):
        return TransportError(ErrorClass.CONNECTION_REFUSED, detail)
    if isinstance(inner, OSError) and not isinstance(inner, ConnectionResetError | BrokenPipeError):
        return TransportError(ErrorClass.NETWORK_UNREACHABLE, detail)
    return TransportError(ErrorClass.CONNECTION_RESET, detail)


_CLASSES: tuple[tuple[type[BaseException], ErrorClass], ...] = (
    (ForbiddenAddressError, ErrorClass.FORBIDDEN_ADDRESS),
    (aiohttp.ClientConnectorDNSError, ErrorClass.DNS),
    (socket.gaierror, ErrorClass.DNS),
    (aiohttp.ConnectionTimeoutError, ErrorClass.CONNECT_TIMEOUT),
    (asyncio.TimeoutError, ErrorClass.TIMEOUT),
    (aiohttp.ClientSSLError, ErrorClass.TLS),
    (ssl.SSLError, ErrorClass.TLS),
    (aiohttp.ClientPayloadError, ErrorClass.PROTOCOL),
    (aiohttp.ClientResponseError, ErrorClass.PROTOCOL),
    (aiohttp.InvalidURL, ErrorClass.PROTOCOL),
)
