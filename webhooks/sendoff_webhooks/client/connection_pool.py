"""Connections to webhooks: opened to vetted addresses, watched for their deadlines, kept alive for the next request."""

import asyncio
import math
import ssl
import time
from collections import deque
from collections.abc import Collection, Sequence
from functools import partial

from sendoff_domain.errors import ShortageError
from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_addresses import PortRange, port_may_be_called, shown_ports
from sendoff_domain.webhook_url import Origin
from sendoff_webhooks.client.connection import Connection, TransportError
from sendoff_webhooks.client.local_addresses import has_no_source
from sendoff_webhooks.client.name_lookup import NameLookup
from sendoff_webhooks.client.own_servers import OwnServers
from sendoff_webhooks.client.shortage import is_shortage

#: uvloop's timers may fire a millisecond early (seconds).
_SURELY_OVER = 0.002


class Deadlines:
    """Watches the requests on these connections with one timer, set for the earliest of their deadlines.

    A timer for each request would cost as much as reading its answer. Moments are those of `time.monotonic()`.
    """

    def __init__(self, connections: Collection[Connection]) -> None:
        self._connections = connections
        self._next = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, deadline: float) -> None:
        """A request has begun that ends at that moment."""
        if deadline < self._next:
            self.close()
            self._arm(deadline)

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._next = math.inf

    def _arm(self, deadline: float) -> None:
        delay = max(0.0, deadline - time.monotonic()) + _SURELY_OVER
        self._next, self._timer = deadline, asyncio.get_running_loop().call_later(delay, self._sweep)

    def _sweep(self) -> None:
        now, earliest = time.monotonic(), math.inf
        for connection in tuple(self._connections):
            if connection.deadline <= now:
                connection.fail(too_late())
            else:
                earliest = min(earliest, connection.deadline)
        self.close()
        if earliest < math.inf:
            self._arm(earliest)


def too_late() -> TransportError:
    """What a request without an answer in time ends with."""
    return TransportError(ErrorClass.TIMEOUT, "no whole answer in time")


class IdleConnections:
    """Keeps connections for `keepalive` seconds, at most so many to one origin and in all; closes the others.

    The one that was used last is taken first, so that what a burst left over grows old and is closed.
    """

    def __init__(self, keepalive: float, per_origin: int, in_all: int) -> None:
        self._keepalive = keepalive
        self._per_origin = per_origin
        self._in_all = in_all
        self._by_origin: dict[Origin, deque[Connection]] = {}
        self._count = 0
        self._sweeper: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return self._count

    def take(self, origin: Origin) -> Connection | None:
        """The most recently used connection to this origin, if there is one."""
        waiting = self._by_origin.get(origin)
        while waiting:
            connection = waiting.pop()
            self._count -= 1
            if not connection.closed and time.monotonic() - connection.idle_since < self._keepalive:
                return connection
            connection.abort()
        return None

    def keep(self, origin: Origin, connection: Connection) -> None:
        """Let a connection wait."""
        waiting = self._by_origin.get(origin)
        if waiting is None:
            waiting = self._by_origin[origin] = deque()
        waiting.append(connection)
        self._count += 1
        if len(waiting) > self._per_origin:
            self._close_oldest(waiting)
        elif self._count > self._in_all:
            self._close_oldest(min(filter(None, self._by_origin.values()), key=lambda each: each[0].idle_since))
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(self._keepalive, self._sweep)

    def discard(self, origin: Origin, connection: Connection) -> None:
        """Forget a connection that was closed, whether it waits here or not."""
        waiting = self._by_origin.get(origin)
        if waiting and connection in waiting:
            waiting.remove(connection)
            self._count -= 1

    def give_way(self) -> None:
        """Close all of them: what they take up is needed."""
        for waiting in self._by_origin.values():
            while waiting:
                self._close_oldest(waiting)

    def close(self) -> None:
        """Forget all of them; whoever knows them closes them."""
        self._by_origin.clear()
        self._count = 0
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def _close_oldest(self, waiting: deque[Connection]) -> None:
        self._count -= 1
        waiting.popleft().abort()

    def _sweep(self) -> None:
        """Close what waited too long, and come again when the next one will have."""
        now, oldest = time.monotonic(), None
        for origin, waiting in tuple(self._by_origin.items()):
            while waiting and now - waiting[0].idle_since >= self._keepalive:
                self._close_oldest(waiting)
            if not waiting:
                del self._by_origin[origin]
            elif oldest is None or waiting[0].idle_since < oldest:
                oldest = waiting[0].idle_since
        wait = None if oldest is None else self._keepalive - (now - oldest)
        self._sweeper = None if wait is None else asyncio.get_running_loop().call_later(wait, self._sweep)


class ConnectionPool:
    """Hands out a connection that waits, or opens one to a vetted address."""

    def __init__(
        self,
        *,
        lookup: NameLookup,
        own: OwnServers,
        ports: Sequence[PortRange],
        tls: ssl.SSLContext,
        idle: IdleConnections,
    ) -> None:
        self._lookup = lookup
        self._own = own
        self._ports = ports
        self._tls = tls
        self._idle = idle
        self._open: set[Connection] = set()
        self._closing = False
        self._all_closed = asyncio.Event()
        self.take_idle = idle.take
        self.deadlines = Deadlines(self._open)

    async def connect(self, origin: Origin, timeout: float, customer: str = "") -> Connection:
        """Open a connection to the first address that takes one; raises TransportError when none does in time.

        Raises ShortageError if that is not theirs to answer for. The name is looked up on the customer's account.
        """
        if self._closing:
            raise _closed()
        deadline = time.monotonic() + timeout
        addresses = await self.addresses(origin, timeout, customer)
        failure = TransportError(ErrorClass.DNS, f"{origin.host} has no address")
        for untried, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                async with asyncio.timeout((deadline - time.monotonic()) / untried):
                    return await self._connect_to(origin, address)
            except TimeoutError:
                failure = TransportError(ErrorClass.CONNECT_TIMEOUT, f"no connection within {timeout:g} s")
            except OSError as error:
                if is_shortage(error) and not has_no_source(error, address, origin.port):
                    self._idle.give_way()
                    raise ShortageError(f"no connection can be opened: {error}") from error
                failure = _classified(error)
        raise failure

    async def addresses(self, origin: Origin, timeout: float, customer: str = "") -> tuple[str, ...]:
        """The addresses that may be called there; raises TransportError (dns, forbidden_address) or ShortageError."""
        if not (origin.trusted or port_may_be_called(origin.port, self._ports)):
            raise _forbidden(origin.port, self._ports)
        try:
            async with asyncio.timeout(timeout):
                found = await self._lookup.addresses(origin.host, customer, trusted=origin.trusted)
                is_own = await self._own.include(found, origin.port)
        except TimeoutError:
            raise TransportError(ErrorClass.DNS, f"{origin.host} did not resolve within {timeout:g} s") from None
        if is_own:
            detail = f"{origin.host} port {origin.port} is a server of Sendoff's own, which is never a webhook"
            raise TransportError(ErrorClass.FORBIDDEN_ADDRESS, detail)
        return found

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
