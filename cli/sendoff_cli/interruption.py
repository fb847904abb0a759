"""What the ending signals do while an instance is started and closed; in between its supervisor has them."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from sendoff_config.ending_signals import handled, handled_to_the_end


@contextmanager
def interrupted_by_signals() -> Iterator[Callable[[], None]]:
    """Within the block the first ending signal raises KeyboardInterrupt, so that what was begun is ended in order.

    A later one is ignored, because a terminal that closes sends two; only Ctrl-C interrupts the ending as well. Python
    drops an exception that is raised within some callbacks, those of a fork and finalizers among them, so call what the
    block is given after each step: it raises KeyboardInterrupt when a signal came.
    """
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1 or number == signal.SIGINT:
            raise KeyboardInterrupt

    def check() -> None:
        if received:
            raise KeyboardInterrupt

    with handled(interrupt):
        yield check


@contextmanager
def closing_undisturbed() -> Iterator[None]:
    """Within the block, and after it, ending signals are ignored, since it ends already.

    Within it Ctrl-C raises KeyboardInterrupt.
    """

    def ignore(number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT:
            raise KeyboardInterrupt

    with handled_to_the_end(ignore):
        yield
