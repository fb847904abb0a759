"""Servers that outlived a killed parent: found by a record of their process id, stopped before a new start."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.private_files import write_private
from sendoff_cli.waiting import wait_until

#: How long a signal may take to work before the next, harsher one: a PostgreSQL that writes its checkpoint needs time.
PATIENCE_SECONDS = 30.0


def remember(record: Path, pid: int, command: Sequence[str]) -> None:
    """Keep what is needed to find this server again, and to know it for ours."""
    write_private(record, json.dumps({"pid": pid, "command": " ".join(command)}))


def forget(record: Path) -> None:
    """Drop the record of a server that is gone."""
    record.unlink(missing_ok=True)


def stop_leftover(record: Path, stop_signals: Iterable[signal.Signals]) -> None:
    """Stop the server that `record` names, if it still runs.

    A process is taken for ours only when its whole command line, which names our data folder, is the recorded one:
    its id may be that of another program by now. Raises ServerError when it cannot be stopped.
    """
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        pid, command = int(known["pid"]), str(known["command"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return

    def gone_within(seconds: float) -> bool:
        return wait_until(lambda: command_line(pid) != command, seconds)

    if command_line(pid) == command:
        stop_in_turn(stop_signals, lambda number: send(pid, number), gone_within)
    if command_line(pid) == command:
        raise ServerError(f"process {pid} of an earlier start does not stop: {command}")
    forget(record)


def stop_in_turn(
    stop_signals: Iterable[signal.Signals], deliver: Callable[[int], None], gone_within: Callable[[float], bool]
) -> None:
    """Deliver each signal and wait for its effect; SIGKILL is the last one."""
    for number in (*stop_signals, signal.SIGKILL):
        deliver(number)
        if gone_within(PATIENCE_SECONDS):
            return


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def command_line(pid: int) -> str:
    """The words of a running process's command with blanks between; empty when there is no such process."""
    if sys.platform == "linux":
        try:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" "))
        except OSError:
            return ""
    listing = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603 ours
