"""One server as a child process: it cannot outlive its parent, and it is stopped so that it keeps its data."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.orphans import forget, remember, stop_in_turn
from sendoff_cli.servers.server_log import ServerLog

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a child runs as instead of root."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: its name in messages, the command, its folder, and the signals that stop it, the mildest first."""

    name: str
    command: Sequence[str]
    folder: Path
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    account: Account | None = None


class Child:
    """A server that was started by `start`."""

    def __init__(self, program: Program, process: subprocess.Popen[bytes], *, log: ServerLog, record: Path) -> None:
        self.log = log
        self._program = program
        self._process = process
        self._record = record

    def dead(self) -> str | None:
        """How the server ended, with the end of its log; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return f"{self._program.name} {how}; {self.log.tail()}"

    def stop(self) -> None:
        """Stop the server and wait until it is gone; nothing happens when it is gone already."""
        if self._process.poll() is None:
            stop_in_turn(self._program.stop_signals, self._process.send_signal, self._gone_within)
        forget(self._record)

    def _gone_within(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def start(program: Program, data: Path) -> Child:
    """Start a server whose log and process id are kept in the folder `data`.

    On Linux the kernel stops the server when the thread that started it ends, in whatever way; so only the main
    thread may start one. Elsewhere the next start on the same folder stops what a killed parent has left.
    Raises ServerError when the command cannot be started.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ServerError("an embedded server can only be started from the main thread")
    log = ServerLog(data, program.name)
    record = record_file(data, program.name)
    process = _spawn(program, log, program.stop_signals[0])
    child = Child(program, process, log=log, record=record)
    try:
        remember(record, process.pid, program.command)
    except BaseException:
        child.stop()
        raise
    return child


def run(program: Program, data: Path) -> tuple[bool, str]:
    """Run a program that ends by itself: whether it succeeded, and the end of its output as part of a message.

    It is killed with its parent. Raises ServerError when the command cannot be started.
    """
    log = ServerLog(data, program.name)
    with _spawn(program, log, signal.SIGKILL) as process:
        try:
            return process.wait() == 0, log.tail()
        except BaseException:
            process.kill()
            raise


def record_file(data: Path, name: str) -> Path:
    """Where the process id of a server is kept while it runs."""
    return data / f"{name}.pid"


def _spawn(program: Program, log: ServerLog, death_signal: signal.Signals) -> subprocess.Popen[bytes]:
    account = program.account
    with log.path.open("ab") as output:
        try:
            return subprocess.Popen(  # noqa: S603 the commands are ours
                program.command,
                cwd=program.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else (),
                preexec_fn=bound_to_parent(death_signal),
            )
        except OSError as error:
            raise ServerError(f"{program.name} cannot be started: {error}") from error


def bound_to_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """The `preexec_fn` of a child to which Linux sends this signal when the thread that started it ends; else None."""
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def ask_kernel() -> None:
        # subprocess calls this after the change of user, which would clear the request.
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask_kernel


def _environment() -> Mapping[str, str]:
    """Nothing of ours: PGPORT and its like would change what is started, and our secrets are not theirs."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
