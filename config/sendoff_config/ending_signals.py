"""The signals that ask a process to end, all of which are followed in order."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_ALWAYS = (signal.SIGTERM, signal.SIGINT)
#: A terminal that closes, and Ctrl-\; `nohup` and shells without job control have their children ignore these.
_UNLESS_IGNORED = (signal.SIGHUP, signal.SIGQUIT)

Handler = Callable[[int, FrameType | None], object]
Previous = dict[signal.Signals, Any]


def ending_signals() -> tuple[signal.Signals, ...]:
    """SIGTERM and SIGINT, and those of SIGHUP and SIGQUIT that this process was not started to ignore."""
    return (*_ALWAYS, *(number for number in _UNLESS_IGNORED if signal.getsignal(number) is not signal.SIG_IGN))


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Within the block the ending signals call the handler; only the main thread may enter it."""
    previous = _handle(handler)
    try:
        yield
    finally:
        _give_back(previous)


@contextmanager
def handled_to_the_end(handler: Handler) -> Iterator[None]:
    """As `handled`, for the last block of a process: afterwards they are ignored.

    All is ended in order then, and one that came while the interpreter ends would make it look killed. After an error
    they are as before, for callers that go on.
    """
    previous = _handle(handler)
    try:
        yield
    except KeyboardInterrupt:
        _ignore(previous)
        raise
    except BaseException:
        _give_back(previous)
        raise
    _ignore(previous)


@contextmanager
def awaited_signals() -> Iterator[Callable[[], None]]:
    """Within the block, the last one of a process, what it is given waits for an ending signal.

    Waiting ends with a signal that came before it began, and with one that another thread took. Later ones do nothing,
    and after the block they are ignored.
    """
    numbers = frozenset(ending_signals())
    with _received_signals() as received, handled_to_the_end(lambda *_: None):

        def wait() -> None:
            while not numbers & frozenset(received.recv(64)):
                pass

        yield wait


@contextmanager
def waking_signals(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Within the block a signal ends the waiting of a loop of asyncio, so that its handler runs at once.

    Otherwise one that comes just before the loop waits is handled with its next event. uvloop sees to it by itself.
    """
    with _received_signals() as received:
        received.setblocking(False)
        loop.add_reader(received, received.recv, 64)
        try:
            yield
        finally:
            loop.remove_reader(received)


@contextmanager
def set_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Within the block, the last one of a process, the ending signals set the event; afterwards they are ignored.

    The running loop is uvloop, which is woken by each signal.
    """
    loop = asyncio.get_running_loop()
    # No handlers of the loop: it gives them back before they could be ignored.
    with handled_to_the_end(lambda *_: loop.call_soon_threadsafe(stop.set)):
        yield


@contextmanager
def _received_signals() -> Iterator[socket.socket]:
    """A socket that gets the number of each signal, one byte, from the thread that took it and before any handler runs.

    Handlers run in the main thread only, and a signal ends no wait of it that begins just afterwards:
    https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    """
    received, written = socket.socketpair()
    with received, written:
        written.setblocking(False)
        before = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
        try:
            yield received
        finally:
            signal.set_wakeup_fd(before)


def _handle(handler: Handler) -> Previous:
    return {number: signal.signal(number, handler) for number in ending_signals()}


def _give_back(previous: Previous) -> None:
    for number, earlier in previous.items():
        signal.signal(number, earlier)


def _ignore(numbers: Iterable[signal.Signals]) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
