"""What a killed PostgreSQL leaves in its folder: backends that still work there, and a postmaster.pid."""

import os
import signal
import sys
from pathlib import Path

from sendoff_cli.servers.orphans import PATIENCE_SECONDS, command_line, send
from sendoff_cli.waiting import wait_until


def free_from_crash(cluster: Path) -> None:
    """Make way for a new server in the folder `cluster`.

    A main process that runs there is left alone: PostgreSQL refuses to start a second one. Backends without a main
    process are killed (Linux only): they end by themselves, but only after their statement, and until then no server
    can start. A postmaster.pid that names no main process any more is removed: its number may be reused.
    """
    lock = cluster / "postmaster.pid"
    if not lock.exists() or _is_main_process(_recorded_pid(lock), cluster):
        return
    wait_until(lambda: not _kill_backends(cluster), PATIENCE_SECONDS)
    lock.unlink()


def _recorded_pid(lock: Path) -> int:
    first_line = lock.read_text(encoding="utf-8").partition("\n")[0]
    return int(first_line) if first_line.isdigit() else 0


def _is_main_process(pid: int, cluster: Path) -> bool:
    program = Path(command_line(pid).partition(" ")[0]).name
    return program in ("postgres", "postmaster") and (sys.platform != "linux" or _works_in(pid, cluster))


def _kill_backends(cluster: Path) -> bool:
    """Kill them, and say whether there were any."""
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")] if sys.platform == "linux" else []
    backends = [pid for pid in pids if _works_in(pid, cluster) and command_line(pid).startswith("postgres: ")]
    for pid in backends:
        send(pid, signal.SIGKILL)
    return bool(backends)


def _works_in(pid: int, cluster: Path) -> bool:
    """Every process of a PostgreSQL has its data folder as its working folder."""
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(cluster)
    except OSError:
        return False
