"""What a process takes of the machine when others want it as well."""

import contextlib
import os
from pathlib import Path

_AUTOGROUP = Path("/proc/self/autogroup")


def give_way(niceness: int) -> None:
    """Leave the CPU to others: `niceness` is 1 to 19, and what nobody wants is taken all the same.

    Linux shares the CPU among sessions first, where only the session's own niceness counts (sched(7), autogroup); that
    is set if this process leads one. Containers share it by their own weights before that.
    """
    os.nice(niceness)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # not on Linux, or a kernel without it
            _AUTOGROUP.write_text(str(niceness))
