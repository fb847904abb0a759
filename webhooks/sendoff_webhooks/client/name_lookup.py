"""From a host's name to addresses that may be called; one forbidden address spoils the name."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sendoff_domain.errors import ShortageError
from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_addresses import Network, vetted
from sendoff_webhooks.client.connection import TransportError
from sendoff_webhooks.client.shortage import is_shortage, no_file_left

#: From a name to its addresses as text; raises OSError or UnicodeError when there are none.
Resolve = Callable[[str], Awaitable[Sequence[str]]]

#: Answers are kept this long (seconds), so that a busy webhook costs no lookup for each connection.
KEPT = 30.0
#: How many names are kept.
_MOST_KEPT = 10_000
#: A name server that does not answer holds a thread for many seconds; uvloop's own has 4 for everyone.
_THREADS = 32


class NameLookup:
    """Resolves with the system's resolver, checks every address, and remembers the answer for a while.

    Odd notations of addresses (decimal, octal, hexadecimal) go through the same check, since the resolver reads them.
    A name is looked up once at a time, whoever waits for it, so that one slow name can't take all threads.
    """

    def __init__(self, allowed: Sequence[Network], resolve: Resolve | None = None, kept: float = KEPT) -> None:
        self._allowed = allowed
        self._kept = kept
        self._resolve = resolve or self._ask_system
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="name-lookup")
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._under_way: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The addresses to connect to, in order; raises TransportError (dns, forbidden_address) or ShortageError."""
        known = self._known.get(host)
        if known is not None and time.monotonic() - known[0] < self._kept:
            return known[1]
        lookup = self._under_way.get(host)
        if lookup is None:
            lookup = self._under_way[host] = asyncio.get_running_loop().create_task(self._look_up(host))
            lookup.add_done_callback(lambda done: done.cancelled() or done.exception())  # there may be nobody who waits
        await asyncio.wait((lookup,))  # unlike awaiting it: a request that gives up leaves the others their lookup
        if lookup.cancelled():
            raise TransportError(ErrorClass.CONNECTION_RESET, f"Sendoff closed before {host} was resolved")
        return lookup.result()

    def close(self) -> None:
        """Stop looking up; a thread that waits for a name server ends with its answer."""
        for lookup in self._under_way.values():
            lookup.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, host: str) -> tuple[str, ...]:
        try:
            found = list(dict.fromkeys(await self._resolve(host)))
        except Exception as error:
            shortage = error if is_shortage(error) else no_file_left()
            if shortage is not None:
                raise ShortageError(f"{host} can't be looked up: {shortage}") from error
            if not isinstance(error, OSError | UnicodeError):
                raise
            raise TransportError(ErrorClass.DNS, f"{host} does not resolve: {error}") from error
        finally:
            del self._under_way[host]
        if not found:
            raise TransportError(ErrorClass.DNS, f"{host} has no address")
        addresses = vetted(found, self._allowed)
        if not addresses:
            raise TransportError(ErrorClass.FORBIDDEN_ADDRESS, f"{host} leads to an address that must not be called")
        self._remember(host, addresses)
        return addresses

    def _remember(self, host: str, addresses: tuple[str, ...]) -> None:
        self._known.pop(host, None)  # so that the dict is in the order of age
        if len(self._known) >= _MOST_KEPT:
            del self._known[next(iter(self._known))]
        self._known[host] = (time.monotonic(), addresses)

    async def _ask_system(self, host: str) -> Sequence[str]:
        """The system's resolver, in a thread."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return [str(entry[4][0]) for entry in found]
