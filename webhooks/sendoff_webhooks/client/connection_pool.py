"""Connections to webhooks, kept alive for the next request to the same origin."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from functools import partial

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_ports import PortRange, port_may_be_called, shown_ports
from sendoff_webhooks.client.connection import Connection
from sendoff_webhooks.client.deadlines import Deadlines
from sendoff_webhooks.client.idle_connections import IdleConnections
from sendoff_webhooks.client.name_lookup import NameLookup
from sendoff_webhooks.client.origin import Origin
from sendoff_webhooks.client.transport_error import TransportError


class ConnectionPool:
    """Hands out a connection that waits, or opens one to a vetted address."""

    def __init__(
        self, lookup: NameLookup, ports: Sequence[PortRange], tls: ssl.SSLContext, idle: IdleConnections
    ) -> None:
        self._lookup = lookup
        self._ports = ports
        self._tls = tls
        self._idle = idle
        self._open: set[Connection] = set()
        self._closing = False
        self._all_closed = asyncio.Event()
        self.take_idle = idle.take
        self.deadlines = Deadlines(self._open)

    async def connect(self, origin: Origin, timeout: float) -> Connection:
        """Open a connection to the first address that takes one; raises TransportError when none does in time."""
        if self._closing:
            raise _closed()
        if not port_may_be_called(origin.port, self._ports):
            raise _forbidden(origin.port, self._ports)
        deadline = time.monotonic() + timeout
        addresses = await self._addresses(origin.host, timeout)
        failure = TransportError(ErrorClass.DNS, f"{origin.host} has no address")
        for untried, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                async with asyncio.timeout((deadline - time.monotonic()) / untried):
                    return await self._connect_to(origin, address)
            except TimeoutError:
                failure = TransportError(ErrorClass.CONNECT_TIMEOUT, f"no connection within {timeout:g} s")
            except OSError as error:
                failure = _classified(error)
        raise failure

    async def close(self) -> None:
        """Close every connection and open no more."""
        self._closing = True
        self.deadlines.close()
        self._idle.close()
        self._lookup.close()
        for connection in tuple(self._open):
            connection.abort()
        if self._open:
            await self._all_closed.wait()

    async def _addresses(self, host: str, timeout: float) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(timeout):
                return await self._lookup.addresses(host)
        except TimeoutError:
            raise TransportError(ErrorClass.DNS, f"{host} did not resolve within {timeout:g} s") from None

    async def _connect_to(self, origin: Origin, address: str) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(partial(self._idle.keep, origin), partial(self._forget, origin)),
            address,
            origin.port,
            ssl=self._tls if origin.secure else None,
            server_hostname=origin.host.rstrip(".") if origin.secure else None,
        )
        if not connection.closed:
            self._open.add(connection)
        if self._closing:
            connection.abort()
            raise _closed()
        return connection

    def _forget(self, origin: Origin, connection: Connection) -> None:
        self._idle.discard(origin, connection)
        self._open.discard(connection)
        if self._closing and not self._open:
            self._all_closed.set()


def _closed() -> TransportError:
    return TransportError(ErrorClass.CONNECTION_RESET, "Sendoff closed its connections")


def _forbidden(port: int, allowed: Sequence[PortRange]) -> TransportError:
    return TransportError(
        ErrorClass.FORBIDDEN_ADDRESS,
        f"port {port} must not be called, only {shown_ports(allowed)} (security.allowedPorts)",
    )


def _classified(error: OSError) -> TransportError:
    detail = str(error) or type(error).__name__
    if isinstance(error, ssl.SSLError):
        return TransportError(ErrorClass.TLS, detail)
    if isinstance(error, ConnectionRefusedError):
        return TransportError(ErrorClass.CONNECTION_REFUSED, detail)
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return TransportError(ErrorClass.CONNECTION_RESET, detail)
    return TransportError(ErrorClass.NETWORK_UNREACHABLE, detail)
