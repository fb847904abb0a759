"""Output that never fails its process: what can't be written is lost.

A log may be on a disk that is full, on a terminal that was closed or that Ctrl-S has stopped, or go to a reader that
ended (`| head`) or reads nothing (`| less`). None of that may stop or delay a process that delivers messages.
"""

import io
import os
import select
import stat
import sys
import time
from typing import Literal, TextIO

#: A reader that is only slow is waited for this long (seconds); after that nothing waits until it has read again.
_PATIENCE = 0.5
_DESCRIPTORS = {"stdout": 1, "stderr": 2}


def make_output_lossy(*names: Literal["stdout", "stderr"]) -> None:
    """Put `sys.stdout` or `sys.stderr` on a LossyOutput; one that a test has replaced already stays."""
    for name in names:
        stream: TextIO | None = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__"):
            descriptor = _open_nowhere() if stream is None else _DESCRIPTORS[name]
            setattr(sys, name, _text(LossyOutput(descriptor), stream))


class LossyOutput(io.RawIOBase):
    """Writes to a file descriptor, which stays open; raises nothing and drops what can't be written."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._writer = _without_blocking(descriptor)
        self._is_stalled = False
        self._is_cut = False

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]  # Buffer is 3.12
        """Write what can be written, and say that it was all."""
        rest = memoryview(data)
        given = len(rest)
        if self._is_cut and given:
            rest = memoryview(b"\n" + rest)  # what was cut must not run into this
        whole = len(rest)
        left = self._written(rest)
        self._is_cut = 0 < left < whole or (self._is_cut and left == whole)
        return given

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether a person reads it on a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Always."""
        return True

    def _written(self, rest: memoryview) -> int:
        """Write until all is written or can't be; returns how many bytes are left."""
        deadline = time.monotonic() + (0 if self._is_stalled else _PATIENCE)
        while rest:
            try:
                rest = rest[os.write(self._writer, rest) :]
            except BlockingIOError:
                if not _accepts_within(self._writer, deadline - time.monotonic()):
                    self._is_stalled = True
                    return len(rest)
            except OSError:
                return len(rest)
        self._is_stalled = False
        return 0


def _without_blocking(descriptor: int) -> int:
    """Open the pipe or terminal anew, so that a write to it does not wait; else the descriptor as it is.

    To change `descriptor` itself would change it for the shell and for other processes that share it. Only Linux can
    open it anew; sockets can't be opened. What can't be has no limit on its waits.
    """
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(mode) or os.isatty(descriptor):
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        pass
    return descriptor


def _accepts_within(descriptor: int, seconds: float) -> bool:
    if seconds <= 0:
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))


def _open_nowhere() -> int:
    """A descriptor in the place of one that the parent has closed.

    The standard ones are filled as well, so that no other file becomes what our children take for their output.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= max(_DESCRIPTORS.values()):
        os.set_inheritable(descriptor, True)
    return descriptor


def _text(output: LossyOutput, replaced: TextIO | None) -> TextIO:
    encoding = replaced.encoding if replaced is not None else "utf-8"
    return io.TextIOWrapper(output, encoding, errors="backslashreplace", write_through=True)  # type: ignore[type-var]
