"""Processes of Sendoff without the second that each takes to import everything: forked off one that has.

Each has the environment, the log and the session that it would have had, and ends by itself or by a signal as it would.
"""

import atexit
import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO

from support.layout import ROOT

#: What is imported before anything is forked; a module's `__main__` is what runs.
_IMPORTED = ("sendoff_actors.main", "sendoff_http.server", "sendoff_ingest.main", "sendoff_cli.run_commands")
#: Through the pipe of a process come its id and, when it has ended, what `waitpid` said.
_NUMBER = struct.Struct("!q")
_LARGEST = 2**20


class ForkedProcess:
    """A process that was forked off; its methods are those of `subprocess.Popen`."""

    def __init__(self, module: str, pipe: int) -> None:
        self._module = module
        self._pipe: IO[bytes] = open(pipe, "rb", buffering=0)  # noqa: SIM115  it is closed when the process has ended
        self.pid = self._read()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._ended_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises TimeoutExpired if it still runs after so many seconds."""
        code = self._ended_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self._module, timeout or 0)
        return code

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended just now
                os.kill(self.pid, sig)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _ended_within(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._pipe], [], [], timeout)[0]:
            self.returncode = os.waitstatus_to_exitcode(self._read())
            self._pipe.close()
        return self.returncode

    def _read(self) -> int:
        (number,) = _NUMBER.unpack(self._pipe.read(_NUMBER.size))
        return int(number)


class WarmProcesses:
    """The process that has imported everything; it ends with this one."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "support.warm_processes", str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def start(
        self,
        module: str,
        environment: Mapping[str, str],
        log: IO[bytes],
        *,
        arguments: Sequence[str] = (),
        folder: Path | None = None,
    ) -> ForkedProcess:
        """Run a module as `python -m` does, here or in that folder, with its output in that log."""
        ours, theirs = os.pipe()
        try:
            request = json.dumps([module, arguments, str(folder or Path.cwd()), dict(environment)]).encode()
            self._socket.sendall(_NUMBER.pack(len(request)))
            socket.send_fds(self._socket, [request], [log.fileno(), theirs])
        finally:
            os.close(theirs)
        return ForkedProcess(module, ours)

    def close(self) -> None:
        """Let it end; what was forked off goes on."""
        self._socket.close()
        self._server.wait(10)


@functools.cache
def warm_processes() -> WarmProcesses:
    """The one of this process, made when it is first needed."""
    made = WarmProcesses()
    atexit.register(made.close)
    return made


def _serve(asked: socket.socket) -> str | None:
    """Fork off what is asked for, until nobody can ask; gives a new process the module that it is to run."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who mind a process
    while head := asked.recv(_NUMBER.size, socket.MSG_WAITALL):
        (length,) = _NUMBER.unpack(head)
        request, files, _, _ = socket.recv_fds(asked, min(length, _LARGEST), 2)
        while len(request) < length:
            request += asked.recv(length - len(request))
        if os.fork() == 0:
            asked.close()
            if _mind(files[1]):
                return _become(*json.loads(request), log=files[0])
        for file in files:
            os.close(file)
    return None


def _mind(pipe: int) -> bool:
    """Fork a process, wait for its end, and tell of both through the pipe; returns within that process only."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    pid = os.fork()
    if pid == 0:
        os.close(pipe)
        return True
    os.write(pipe, _NUMBER.pack(pid))
    _, status = os.waitpid(pid, 0)
    os.write(pipe, _NUMBER.pack(status))
    os._exit(0)


def _become(module: str, arguments: list[str], folder: str, environment: dict[str, str], *, log: int) -> str:
    os.setsid()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    return module


def _warm_up() -> None:
    """Import everything, and make what each process of the API would take half a second for: documents, templates."""
    gc.disable()  # until everything is there
    for name in _IMPORTED:
        import_module(name)
    for needs_key in (False, True):
        import_module("sendoff_http.app").openapi_document(needs_key=needs_key)
    import_module("sendoff_http.operations.channels").describe_streams("sendoff")
    import_module("sendoff_http.admin.rendering").compile_templates()
    gc.collect()
    gc.freeze()  # or each process would copy the memory that is shared when it looks for garbage
    gc.enable()


if __name__ == "__main__":
    _warm_up()
    with socket.socket(fileno=int(sys.argv[1])) as wanted:
        chosen = _serve(wanted)
    if chosen is not None:
        runpy.run_module(chosen, run_name="__main__", alter_sys=True)
