"""Processes that may open no more files, this one or another."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_file_left(pid: int = 0) -> Iterator[None]:
    """Let a process (0: this one) open nothing as long as the block lasts; what is open stays so."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
