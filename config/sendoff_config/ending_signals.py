"""The signals that ask a process to end, all of which are followed in order."""

import signal
from collections.abc import Callable, Iterator
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
