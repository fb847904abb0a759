"""How much work something does, whatever the machine: its processor time in units of fixed work done beside it.

Seconds tell nothing on a machine that is busy with other tests: there the same work takes twice the time of the
processor, and many times that of the clock.
"""

import time
from collections.abc import Callable
from types import TracebackType

#: What a unit takes on an idle machine of 2026 (seconds).
_IDLE_UNIT = 0.01
#: So little is little on any machine: the unit need not be measured (seconds).
_LITTLE = 0.05


class Effort:
    """Measures in `units` what this thread does in a `with` block; a unit is 10 ms on an idle machine of 2026."""

    units = 0.0

    def __enter__(self) -> "Effort":
        self._started = time.thread_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        taken = time.thread_time() - self._started
        self.units = taken / (_IDLE_UNIT if taken < _LITTLE else max(_IDLE_UNIT, _unit()))


def least_units(work: Callable[[], object], *, enough: float, tries: int = 3) -> float:
    """The least effort of some tries, the last of them being the first that took less than `enough` units.

    What another process takes away while a try runs (a cache, a core's other half) is not the work's.
    """
    least = float("inf")
    for _ in range(tries):
        with Effort() as effort:
            work()
        least = min(least, effort.units)
        if least < enough:
            break
    return least


def _unit() -> float:
    started = time.thread_time()
    for _ in range(120):
        sorted(range(4_000), key=str)
    return (time.thread_time() - started) / 4
