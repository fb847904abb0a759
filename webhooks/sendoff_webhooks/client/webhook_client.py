"""Webhook requests over HTTP/1.1 without a general-purpose client: a tenth of its cost for what webhooks need."""

import asyncio
import re
import ssl
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cache, lru_cache

from sendoff_config.open_files import connection_files, idle_within
from sendoff_domain.errors import ShortageError
from sendoff_domain.outcome import ErrorClass
from sendoff_domain.texts import DEFAULT_CUSTOMER
from sendoff_domain.webhook_addresses import DEFAULT_PORTS, Network, PortRange
from sendoff_domain.webhook_response import Response
from sendoff_domain.webhook_url import (
    PUBLIC_ADDRESS,
    HostPort,
    Origin,
    Target,
    callable_webhook_url,
    checked_webhook_url,
    parse_target,
)
from sendoff_webhooks.client.connection import Connection, StaleConnectionError, TransportError
from sendoff_webhooks.client.connection_pool import ConnectionPool, IdleConnections, too_late
from sendoff_webhooks.client.name_lookup import NameLookup
from sendoff_webhooks.client.own_servers import OwnServers

#: Shorter than the 60 to 75 s after which common servers close an idle connection (seconds).
_KEEPALIVE = 50.0
#: How long a check of a URL waits for a name server (seconds).
_PATIENCE = 2.0
#: How many connections to one origin may be idle; in all of them the limit of open files counts as well.
_IDLE_PER_ORIGIN = 256
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: What the transport says itself, and what would contradict it.
_OWN_HEADERS = frozenset(("host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "trailer"))


class CancelledUnsentError(asyncio.CancelledError):
    """The request was cancelled before it was written: the webhook has seen nothing of it."""


class WebhookClient:
    """Posts over kept-alive connections; no redirects, no cookies, no compression, TLS verified.

    It calls only addresses and ports that the policy allows, never a server of `own`, and for the default customer also
    those of `trusted`. `keepalive` is seconds; with `idle_per_origin=0` a connection serves one request.
    """

    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network],
        allowed_ports: Sequence[PortRange] = DEFAULT_PORTS,
        own: Iterable[HostPort] = (),
        trusted: Iterable[HostPort] = (),
        lookup: NameLookup | None = None,
        tls: ssl.SSLContext | None = None,
        keepalive: float = _KEEPALIVE,
        idle_per_origin: int = _IDLE_PER_ORIGIN,
        idle_in_all: int | None = None,
    ) -> None:
        self._networks = allowed_networks
        self._ports = allowed_ports
        self._lookup = lookup or NameLookup(allowed_networks)
        self._trusted = {
            Origin(secure, *server): Origin(secure, *server, trusted=True)
            for server in trusted
            for secure in (False, True)
        }
        self._pool = ConnectionPool(
            lookup=self._lookup,
            own=OwnServers(own, self._lookup),
            ports=allowed_ports,
            tls=_strict(tls or _system_tls()),
            idle=IdleConnections(
                keepalive, idle_per_origin, idle_within(connection_files()) if idle_in_all is None else idle_in_all
            ),
        )

    async def post(
        self,
        url: str,
        *,
        headers: dict[str, str],
        body: bytes,
        timeout: timedelta,
        connect_timeout: timedelta,
        customer: str = "",
    ) -> Response:
        """One request; raises TransportError when there is no answer, and ShortageError when it could not even begin.

        A cancellation is a CancelledUnsentError as long as nothing was written.
        A kept-alive connection that the server closed before the request reached it is no failure of the webhook: the
        request goes out once more on a new connection. One that ends later is: the webhook may have read the request.
        """
        target, data = _request(url, headers, body)
        deadline = time.monotonic() + timeout.total_seconds()
        origin = self._origin(target, customer) if self._trusted else target.origin
        connection = self._pool.take_idle(origin)
        if connection is not None:
            try:
                return await self._exchange(connection, data, deadline)
            except StaleConnectionError:
                pass
        left = deadline - time.monotonic()
        connection = await self._connect(origin, left, connect_timeout.total_seconds(), customer)
        return await self._exchange(connection, data, deadline)

    async def why_forbidden(self, url: str, customer: str = "", patience: float = _PATIENCE) -> str | None:
        """Why requests to this URL of a customer will fail for where it leads, or None as far as that is known.

        A name that does not resolve within `patience` seconds may not exist yet: each request looks again.
        """
        try:
            origin = self._origin(parse_target(checked_webhook_url(url)), customer)
            if not origin.trusted:
                callable_webhook_url(url, self._networks, self._ports)
            await self._pool.addresses(origin, patience)
        except ValueError as error:
            return str(error)
        except TransportError as error:
            is_forbidden = error.error_class is ErrorClass.FORBIDDEN_ADDRESS
            return f"expected a URL {PUBLIC_ADDRESS}: {error.detail}" if is_forbidden else None
        except ShortageError:
            return None
        return None

    async def close(self) -> None:
        """Close all connections; requests under way fail, later ones too."""
        await self._pool.close()

    def _origin(self, target: Target, customer: str) -> Origin:
        is_trusted = customer == DEFAULT_CUSTOMER and self._trusted
        return self._trusted.get(target.origin, target.origin) if is_trusted else target.origin

    async def _connect(self, origin: Origin, left: float, timeout: float, customer: str) -> Connection:
        if left <= 0:
            raise too_late()
        try:
            return await self._pool.connect(origin, min(left, timeout), customer)
        except asyncio.CancelledError as error:
            raise CancelledUnsentError from error

    async def _exchange(self, connection: Connection, data: bytes, deadline: float) -> Response:
        waiter = connection.request(data, deadline)
        self._pool.deadlines.watch(deadline)
        try:
            return await waiter
        except asyncio.CancelledError:
            connection.give_up(waiter, StaleConnectionError())  # nobody waits any more: only the closing counts
            raise


@cache
def _system_tls() -> ssl.SSLContext:
    """What the system trusts: it is read once in a process, which takes 40 ms."""
    return ssl.create_default_context()


def _strict(tls: ssl.SSLContext) -> ssl.SSLContext:
    """A context that takes a certificate by its subjectAltName alone, never by its common name (RFC 9110, 4.3.4)."""
    tls.hostname_checks_common_name = False
    return tls


def _request(url: str, headers: dict[str, str], body: bytes) -> tuple[Target, bytes]:
    """Where a request goes, and all of its bytes."""
    values = tuple(headers.values())
    try:
        target = parse_target(url)
        head = (_template(tuple(headers)) % (len(body), *values)).encode("latin-1")
    except ValueError as error:
        raise TransportError(ErrorClass.PROTOCOL, str(error)) from error
    if not "".join(values).isprintable() and any(char in value for value in values for char in "\r\n\0"):
        raise TransportError(ErrorClass.PROTOCOL, "a header's value holds a line break or a null character")
    return target, b"".join((target.head, head, body))


@lru_cache(maxsize=256)
def _template(names: tuple[str, ...]) -> str:
    """The head of a request with these headers, which are mostly the same; raises ValueError for one it can't have."""
    for name in names:
        if not _NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise ValueError(f"the header {name!r} can't be sent")
    lines = "".join([f"{name}: %s\r\n" for name in (name.replace("%", "%%") for name in names)])
    return f"content-length: %d\r\n{lines}\r\n"
