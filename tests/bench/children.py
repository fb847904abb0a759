"""The benchmark's own processes: webhook, bare client, bare server, load."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Child = subprocess.Popen[bytes]


@contextmanager
def child(module: str, *arguments: str) -> Iterator[Child]:
    """A Python process of one of this package's modules with pipes to its stdin and stdout; it ends with the block."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", f"bench.{module}", *arguments]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def read_line(process: Child) -> str:
    """The next line that the process prints; raises RuntimeError when it has ended instead."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a process of the benchmark ended: {process.args!r}")
    return line.decode().strip()


def write(process: Child, data: bytes) -> None:
    """Write to the process."""
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()
