"""Posts to a webhook now and then, for a person who waits: no redirects, only addresses that may be called."""

import errno
import socket
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_addresses import vetted
from sendoff_domain.webhook_ports import port_may_be_called, shown_ports
from sendoff_http.customers.webhook_names import WEBHOOK_NAMES, ForbiddenAddressError, WebhookNames

#: How much of an answer is read at all, as much as the Sender reads (bytes).
_ANSWER_LIMIT = 64 * 1024
#: What a request target may hold as it is (RFC 3986); anything else is percent-encoded, as the Sender does it.
_SAFE = "/?:@!$&'()*+,;=-._~%[]"
_RESETS = (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE)
_BROKEN = (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)
_UNASKED = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a webhook answered; the body is cut at 64 KiB."""

    status_code: int
    body: bytes
    is_cut: bool
    duration_ms: float


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is no answer, in the words of `attempts`."""

    error_class: ErrorClass
    detail: str


class _VettedResolver(AbstractResolver):
    """Gives aiohttp the vetted addresses, which it then connects to: nobody resolves the name a second time."""

    def __init__(self, names: WebhookNames) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = await self._names.addresses(host)
        return [_resolved(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Nothing is open."""


class WebhookClient:
    """One session, opened when it is needed first; a connection serves one request."""

    def __init__(self, names: WebhookNames, tls: ssl.SSLContext | None = None) -> None:
        self._names = names
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        #: Requests under way.
        self.running = 0

    async def post(
        self, url: str, headers: dict[str, str], body: bytes, timeout: timedelta, connect_timeout: timedelta
    ) -> Answer | NoAnswer:
        """One request; what goes wrong with it is a value too."""
        self.running += 1
        try:
            return await self._post(url, headers, body, timeout, connect_timeout)
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:  # uvloop has some of the last
            return _no_answer(error)
        finally:
            self.running -= 1

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def _post(
        self, url: str, headers: dict[str, str], body: bytes, timeout: timedelta, connect_timeout: timedelta
    ) -> Answer:
        limits = aiohttp.ClientTimeout(total=timeout.total_seconds(), connect=connect_timeout.total_seconds())
        started = time.monotonic()
        async with self._opened().post(
            _exactly(url), data=body, headers=headers, timeout=limits, allow_redirects=False
        ) as response:
            body = await _read(response)
            cut = body[:_ANSWER_LIMIT]
            return Answer(response.status, cut, len(body) > len(cut), round((time.monotonic() - started) * 1000, 3))

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_VettedResolver(self._names),
                use_dns_cache=False,
                socket_factory=self._vetted_socket,
                force_close=True,
                limit=0,
                ssl=self._tls or True,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_UNASKED,
                auto_decompress=False,
            )
        return self._session

    def _vetted_socket(self, address: "aiohttp.connector.AddrInfoType") -> socket.socket:
        """The last look, right before connecting; aiohttp does not ask the resolver about a literal address."""
        family, kind, protocol, _, (host, port, *_) = address
        if not vetted([str(host)], self._names.networks):
            raise ForbiddenAddressError(f"{host} is an address that must not be called")
        if not port_may_be_called(int(port), self._names.ports):
            allowed = shown_ports(self._names.ports)
            raise ForbiddenAddressError(f"port {port} must not be called, only {allowed} (security.allowedPorts)")
        return socket.socket(family, kind, protocol)


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ip_address(address.partition("%")[0]).version == 6 else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)


def _exactly(url: str) -> URL:
    """The URL with the very target that the Sender asks for; yarl alone would write some of them anew."""
    parts = urlsplit(url)
    query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    return URL(f"{parts.scheme}://{parts.netloc}{quote(parts.path or '/', safe=_SAFE)}{query}", encoded=True)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, or a little more of it than anybody looks at."""
    parts = bytearray()
    while len(parts) <= _ANSWER_LIMIT and (part := await response.content.read(_ANSWER_LIMIT)):
        parts += part
    return bytes(parts)


def _no_answer(error: Exception) -> NoAnswer:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    detail = str(cause) or type(error).__name__
    if isinstance(cause, ForbiddenAddressError):
        return NoAnswer(ErrorClass.FORBIDDEN_ADDRESS, detail)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NoAnswer(ErrorClass.DNS, detail)
    if isinstance(error, aiohttp.ClientSSLError) or isinstance(cause, ssl.SSLError):
        return NoAnswer(ErrorClass.TLS, detail)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return NoAnswer(ErrorClass.CONNECT_TIMEOUT, "no connection in time")
    if isinstance(error, TimeoutError):
        return NoAnswer(ErrorClass.TIMEOUT, "no whole answer in time")
    number = cause.errno if isinstance(cause, OSError) else None  # aiohttp has errors of its own for each
    if number == errno.ECONNREFUSED:
        return NoAnswer(ErrorClass.CONNECTION_REFUSED, detail)
    if isinstance(error, _BROKEN) or number in _RESETS:
        return NoAnswer(ErrorClass.CONNECTION_RESET, detail)
    if isinstance(cause, OSError):
        return NoAnswer(ErrorClass.NETWORK_UNREACHABLE, detail)
    return NoAnswer(ErrorClass.PROTOCOL, detail)


WEBHOOK_CLIENT: web.AppKey[WebhookClient] = web.AppKey("webhook_client", WebhookClient)


async def open_client(app: web.Application) -> AsyncIterator[None]:
    """Have the client as long as the application runs."""
    client = app[WEBHOOK_CLIENT] = WebhookClient(app[WEBHOOK_NAMES])
    yield
    await client.close()
