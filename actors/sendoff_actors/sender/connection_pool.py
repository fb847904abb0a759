"""Connections to webhooks, kept alive for the next request to the same origin."""

import asyncio
import ssl
import time
from collections import defaultdict, deque

from sendoff_actors.sender.connection import Connection
from sendoff_actors.sender.name_lookup import NameLookup
from sendoff_actors.sender.origin import Origin
from sendoff_actors.sender.transport import TransportError
from sendoff_domain.outcome import ErrorClass

#: Shorter than the 60 to 75 s after which common servers close an idle connection (seconds).
_KEEPALIVE = 50.0


class ConnectionPool:
    """Hands out the connection that was used last, or opens one to a vetted address."""

    def __init__(self, lookup: NameLookup, tls: ssl.SSLContext) -> None:
        self._lookup = lookup
        self._tls = tls
        self._idle: defaultdict[Origin, deque[Connection]] = defaultdict(deque)
        self._open: set[Connection] = set()

    def take_idle(self, origin: Origin) -> Connection | None:
        """A connection that waits for its next request, the most recently used one."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if not connection.closed and time.monotonic() - connection.idle_since < _KEEPALIVE:
                return connection
            connection.abort()
        return None

    async def connect(self, origin: Origin, timeout: float) -> Connection:
        """Open a connection to the first address that takes one; raises TransportError when none does in time."""
        deadline = time.monotonic() + timeout
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._lookup.addresses(origin.host)
                for position, address in enumerate(addresses, 1):
                    share = (deadline - time.monotonic()) / (len(addresses) - position + 1)
                    try:
                        async with asyncio.timeout(share):
                            return await self._connect_to(origin, address)
                    except (OSError, TimeoutError):
                        if position == len(addresses):
                            raise
        except TimeoutError as error:
            raise TransportError(ErrorClass.CONNECT_TIMEOUT, f"no connection within {timeout:g} s") from error
        except OSError as error:
            raise _classified(error) from error
        raise TransportError(ErrorClass.DNS, f"{origin.host} has no address")

    def close(self) -> None:
        """Close every connection."""
        for connection in tuple(self._open):
            connection.abort()

    async def _connect_to(self, origin: Origin, address: str) -> Connection:
        connection = Connection(self._idle[origin].append, self._open.discard)
        await asyncio.get_running_loop().create_connection(
            lambda: connection,
            address,
            origin.port,
            ssl=self._tls if origin.secure else None,
            server_hostname=origin.host if origin.secure else None,
        )
        self._open.add(connection)
        return connection


def _classified(error: OSError) -> TransportError:
    detail = str(error) or type(error).__name__
    if isinstance(error, ssl.SSLError):
        return TransportError(ErrorClass.TLS, detail)
    if isinstance(error, ConnectionRefusedError):
        return TransportError(ErrorClass.CONNECTION_REFUSED, detail)
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return TransportError(ErrorClass.CONNECTION_RESET, detail)
    return TransportError(ErrorClass.NETWORK_UNREACHABLE, detail)
