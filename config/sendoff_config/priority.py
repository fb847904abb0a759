"""What a process takes of the cores when others want them as well."""

import contextlib
import os
from pathlib import Path

_AUTOGROUP, _SCHEDSTAT = Path("/proc/self/autogroup"), Path("/proc/self/schedstat")
#: Of the time that work takes: so much spent on waiting for a core is no want of cores.
_USUAL_WAIT = 0.1
#: A rest is so many times as long as what was waited, and no longer than this (seconds).
_REST, _LONGEST_REST = 4.0, 1.0


def give_way(niceness: int) -> None:
    """Leave the cores to others: `niceness` is 1 to 19, and what nobody wants is taken all the same.

    Linux shares the CPU among sessions first, where only the session's own niceness counts (sched(7), autogroup); that
    is set if this process leads one. Containers share it by their own weights before that.
    """
    os.nice(niceness)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # not on Linux, or a kernel without it
            _AUTOGROUP.write_text(str(niceness))


def waited_for_core() -> float:
    """How long this process' main thread was ready to run and had no core so far (seconds); 0 if nobody counts that."""
    try:
        return int(_SCHEDSTAT.read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def rest_after(seconds: float, waited: float) -> float:
    """How long to rest (seconds) after work that took so long, a part of which was waiting for a core.

    To be let in late is not enough: what is let in drives others from their cores and caches.
    """
    return min(_LONGEST_REST, _REST * waited) if waited > _USUAL_WAIT * seconds else 0.0
