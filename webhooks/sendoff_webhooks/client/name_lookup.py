"""From a host's name to addresses that may be called; one forbidden address spoils the name."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor

from sendoff_domain.errors import ShortageError
from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_addresses import Network, literal_address, vetted
from sendoff_webhooks.client.connection import TransportError
from sendoff_webhooks.client.lookup_memory import LookupMemory
from sendoff_webhooks.client.lookup_turns import LookupTurns
from sendoff_webhooks.client.shortage import is_shortage, no_file_left

#: From a name to its addresses as text; raises OSError or UnicodeError when there are none.
Resolve = Callable[[str], Awaitable[Sequence[str]]]

#: Answers are kept this long (seconds), so that a busy webhook costs no lookup for each connection.
KEPT = 30.0
#: How long a request that could use a stale answer waits for a new one (seconds).
_STALE_PATIENCE = 0.25
#: A name server that does not answer holds a thread for many seconds; uvloop's own has 4 for everyone. Names that were
#: slow to fail have some for themselves.
_THREADS, _THREADS_OF_SUSPECTS = 224, 32
#: A look-up that fails after longer makes its name a suspect (seconds).
_SLOW = 1.0
#: What a name server says of a name that it knows not to exist, or to have no address.
_DENIALS = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


class NameLookup:
    """Resolves with the system's resolver, checks every address, and remembers the answer for `kept` seconds.

    An address in whatever notation (decimal, octal, hexadecimal) needs no name server, and goes through the same check.
    A name is looked up once at a time, whoever waits for it. Customers take turns, so that one's slow names delay only
    itself, and a stale answer is used for some minutes while no new one is to be had.
    """

    def __init__(self, allowed: Sequence[Network], resolve: Resolve | None = None, kept: float = KEPT) -> None:
        self._allowed = allowed
        self._resolve = resolve or self._ask_system
        self._threads = ThreadPoolExecutor(_THREADS + _THREADS_OF_SUSPECTS, thread_name_prefix="name-lookup")
        self._turns, self._turns_of_suspects = LookupTurns(_THREADS), LookupTurns(_THREADS_OF_SUSPECTS)
        self._memory = LookupMemory(kept)
        self._wanted: dict[tuple[str, str], _Wanted] = {}
        self._under_way: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def addresses(self, host: str, customer: str = "", *, trusted: bool = False) -> tuple[str, ...]:
        """The addresses to connect to, in order; raises TransportError (dns, forbidden_address) or ShortageError.

        `customer` is on whose account the name is looked up; without one it has an account of its own. Those of a
        `trusted` name may be any.
        """
        literal = literal_address(host)
        if literal is not None:
            found: tuple[str, ...] = (str(literal),)
        else:
            found = self._memory.fresh(host) or await self._look_up(host, customer or host)
        addresses = found if trusted else vetted(found, self._allowed)
        if not addresses:
            raise TransportError(ErrorClass.FORBIDDEN_ADDRESS, f"{host} leads to an address that must not be called")
        return addresses

    def close(self) -> None:
        """Stop looking up; a thread that waits for a name server ends with its answer."""
        for task in (*(wanted.task for wanted in self._wanted.values()), *self._under_way.values()):
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, host: str, customer: str) -> tuple[str, ...]:
        """A new answer, or a stale one if there is one and a new one takes long or can't be had."""
        failed = self._memory.failure(host)
        failure: BaseException = TransportError(ErrorClass.DNS, failed or f"{host} did not resolve in time")
        if failed is None:
            patience = None if self._memory.stale(host) is None else _STALE_PATIENCE
            answer = await self._answer(host, customer, patience)
            if isinstance(answer, tuple):
                return answer
            failure = answer or failure
        stale = self._memory.stale(host)
        if stale is None:
            raise failure
        return stale

    async def _answer(self, host: str, customer: str, patience: float | None) -> tuple[str, ...] | BaseException | None:
        """What the look-up comes to, or None if that takes longer than `patience`; it goes on then."""
        wanted = self._wanted.get((host, customer))
        if wanted is None or wanted.task.cancelling():  # those who waited have given it up just now
            wanted = self._wanted[host, customer] = _Wanted(self._take_turn(host, customer))
            wanted.task.add_done_callback(lambda done: self._forget(host, customer, done))
        await wanted.wait(patience)
        task = wanted.task
        if not task.done():
            return None
        if task.cancelled():
            return TransportError(ErrorClass.CONNECTION_RESET, f"Sendoff closed before {host} was resolved")
        return task.exception() or task.result()

    def _forget(self, host: str, customer: str, done: "asyncio.Task[tuple[str, ...]]") -> None:
        wanted = self._wanted.get((host, customer))
        if wanted is not None and wanted.task is done:
            del self._wanted[host, customer]

    async def _take_turn(self, host: str, customer: str) -> tuple[str, ...]:
        """Look a name up in the customer's turn, unless another customer has asked for the same name meanwhile."""
        turns = self._turns_of_suspects if self._memory.is_suspect(host) else self._turns
        async with turns.turn(customer):
            wanted = self._wanted.get((host, customer))
            if wanted is not None:
                wanted.has_turn = True
            known = self._memory.fresh(host)
            if known is not None:
                return known
            lookup = self._under_way.get(host)
            if lookup is None:
                lookup = self._under_way[host] = asyncio.get_running_loop().create_task(self._ask(host))
                lookup.add_done_callback(lambda _: self._under_way.pop(host))
                lookup.add_done_callback(_retrieve)
            await asyncio.wait((lookup,))  # unlike awaiting it: others may wait, too
            return lookup.result()

    async def _ask(self, host: str) -> tuple[str, ...]:
        began = time.monotonic()
        try:
            found = tuple(dict.fromkeys(await self._resolve(host)))
        except Exception as error:
            shortage = error if is_shortage(error) else no_file_left()
            if shortage is not None:
                raise ShortageError(f"{host} can't be looked up: {shortage}") from error
            if not isinstance(error, OSError | UnicodeError):
                raise
            if isinstance(error, socket.gaierror) and error.errno in _DENIALS:
                self._memory.forget(host)
            detail = f"{host} does not resolve: {error}"
            self._memory.note_failure(host, detail, slow=time.monotonic() - began > _SLOW)
            raise TransportError(ErrorClass.DNS, detail) from error
        return self._noted(host, found)

    def _noted(self, host: str, found: tuple[str, ...]) -> tuple[str, ...]:
        if vetted(found, self._allowed):
            self._memory.note_found(host, found)
            return found
        self._memory.forget(host)
        if not found:
            detail = f"{host} has no address"
            self._memory.note_failure(host, detail, slow=False)
            raise TransportError(ErrorClass.DNS, detail)
        return found

    async def _ask_system(self, host: str) -> Sequence[str]:
        """The system's resolver, in a thread."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return [str(entry[4][0]) for entry in found]


class _Wanted:
    """A look-up that requests of one customer wait for; without any of them it does not wait for its turn."""

    def __init__(self, lookup: Coroutine[None, None, tuple[str, ...]]) -> None:
        self.task = asyncio.get_running_loop().create_task(lookup)
        self.task.add_done_callback(_retrieve)
        self.has_turn = False
        self._waiting = 0

    async def wait(self, patience: float | None) -> None:
        """Wait for its end; whoever gives up leaves the others their look-up."""
        self._waiting += 1
        try:
            await asyncio.wait((self.task,), timeout=patience)
        except asyncio.CancelledError:
            if self._waiting == 1 and not self.has_turn:
                self.task.cancel()
            raise
        finally:
            self._waiting -= 1


def _retrieve(done: "asyncio.Task[tuple[str, ...]]") -> None:
    """Look at what a look-up came to: there may be nobody left who waits, and asyncio would complain."""
    if not done.cancelled():
        done.exception()
