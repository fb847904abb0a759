"""The signals that ask a process to end, all of which are followed in order."""

import asyncio
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

_ALWAYS = (signal.SIGTERM, signal.SIGINT)
#: A terminal that closes, and Ctrl-\; `nohup` and shells without job control have their children ignore these.
_UNLESS_IGNORED = (signal.SIGHUP, signal.SIGQUIT)

Handler = Callable[[int, FrameType | None], object]


def ending_signals() -> tuple[signal.Signals, ...]:
    """SIGTERM and SIGINT, and those of SIGHUP and SIGQUIT that this process was not started to ignore."""
    return (*_ALWAYS, *(number for number in _UNLESS_IGNORED if signal.getsignal(number) is not signal.SIG_IGN))


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Within the block the ending signals call the handler; only the main thread may enter it."""
    previous = {number: signal.signal(number, handler) for number in ending_signals()}
    try:
        yield
    finally:
        for number, earlier in previous.items():
            signal.signal(number, earlier)


@contextmanager
def handled_to_the_end(handler: Handler) -> Iterator[None]:
    """As `handled`, for the last block of a process: afterwards they are ignored.

    All is ended in order then, and one that came while the interpreter ends would make it look killed.
    """
    numbers = ending_signals()
    for number in numbers:
        signal.signal(number, handler)
    try:
        yield
    finally:
        _ignore(numbers)


@contextmanager
def set_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Within the block, the last one of a process, the ending signals set the event; afterwards they are ignored."""
    loop, numbers = asyncio.get_running_loop(), ending_signals()
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
            _ignore((number,))


def _ignore(numbers: Iterable[signal.Signals]) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
