"""The `sendoff` command: run to its end in this process, or as one of its own beside the test."""

import io
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
import pytest

from sendoff_cli.main import main
from support.waiting import wait_until
from support.warm_processes import ForkedProcess, warm_processes
from support.whole_sendoff import free_port

COMMAND = (sys.executable, "-m", "sendoff_cli")
#: Standard output and standard error that are not even open.
CLOSED = -100
#: Into the log, of a process that is forked off a warm one.
_FORKED = -101
_WITHOUT_OUTPUTS = ("sh", "-c", 'exec "$0" "$@" >&- 2>&-')


def clean_environment(settings: dict[str, str]) -> dict[str, str]:
    """This environment without any setting of Sendoff, and then those."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SENDOFF_")}
    return {**inherited, "COLUMNS": "200", "NO_COLOR": "1", **settings}


def invoke(
    *arguments: str | Path, folder: Path, stdin: str = "", **settings: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end in this process; `settings` are variables without their prefix."""
    out, errors = io.StringIO(), io.StringIO()
    words = [str(argument) for argument in arguments]
    environment = {f"SENDOFF_{name}": value for name, value in settings.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(os, "environ", clean_environment(environment))
        patch.setattr(sys, "argv", ["sendoff", *words])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with redirect_stdout(out), redirect_stderr(errors), pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    return subprocess.CompletedProcess(words, code if isinstance(code, int) else 0, out.getvalue(), errors.getvalue())


@dataclass
class Running:
    """A `sendoff up`, `worker` or `http` that runs, and its log."""

    popen: "subprocess.Popen[bytes] | ForkedProcess"
    log: Path
    port: int
    seen: set[psutil.Process] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The API's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> str:
        """The folder of the embedded servers, as the summary tells it."""
        return next(line for line in self.said.splitlines() if line.strip().startswith("Data")).split()[1]

    @property
    def said(self) -> str:
        """Everything that it and its processes have written so far."""
        return self.log.read_text(errors="replace")

    def get(self, path: str) -> Any:
        """The JSON at a path of the API."""
        with urllib.request.urlopen(self.url + path, timeout=5) as response:
            return json.loads(response.read())

    def wait_until_said(self, text: str, timeout: float = 60) -> None:
        """Wait for a text in the log; fails at once when the process ends without it."""
        wait_until(lambda: text in self.said or not self.alive, f"{text!r} is said", timeout)
        assert text in self.said, self.said

    @property
    def alive(self) -> bool:
        """Whether the process itself still runs."""
        return self.popen.poll() is None

    def processes(self) -> list[psutil.Process]:
        """All living processes below this one; they are also remembered."""
        found = psutil.Process(self.popen.pid).children(recursive=True)
        self.seen |= set(found)
        return [process for process in found if lives(process)]

    def named(self, title: str) -> list[psutil.Process]:
        """The processes that were forked off whose title begins with that: `sendoff worker`."""
        return [process for process in self.processes() if " ".join(command_of(process)).startswith(title)]

    def one(self, word: str) -> psutil.Process:
        """The one process below whose command line has that word."""
        found = [process for process in self.processes() if word in " ".join(command_of(process))]
        assert len(found) == 1, f"expected one {word} among {[command_of(process) for process in self.processes()]}"
        return found[0]

    def survivors(self) -> list[psutil.Process]:
        """What is left of the processes that were ever seen."""
        return [process for process in self.seen if lives(process)]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.processes()
        self.popen.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end of the process; returns its exit code."""
        try:
            return self.popen.wait(60)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end:\n{self.said}") from None


def _start(
    words: list[str], output: IO[bytes] | int | None, folder: Path, environment: dict[str, str], *, closed: bool
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*(_WITHOUT_OUTPUTS if closed else ()), *COMMAND, *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def lives(process: psutil.Process) -> bool:
    """Whether a process runs; one that only waits for its parent to notice its end does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def running(*arguments: str | Path, folder: Path, **settings: str) -> Iterator[Running]:
    """Run the command beside the block; whatever it has started is gone afterwards.

    It is forked off a process that has imported everything, so it inherits nothing of this one: see `running_into`.
    """
    with running_into(_FORKED, *arguments, folder=folder, **settings) as started:
        yield started


@contextmanager
def running_into(
    output: IO[bytes] | int | None, *arguments: str | Path, folder: Path, **settings: str
) -> Iterator[Running]:
    """Run the command beside the block; what it says goes to `output`, CLOSED is possible, or into the log."""
    port = free_port()
    given = {"SENDOFF_HTTP__PORT": str(port), "SENDOFF_WORKERS__PROCESSES": "1"}
    environment = clean_environment(given | {f"SENDOFF_{name}": value for name, value in settings.items()})
    log = folder / f"{arguments[0]}-{port}.log"
    words = [str(argument) for argument in arguments]
    with log.open("wb") as own_log:
        popen: subprocess.Popen[bytes] | ForkedProcess
        if output == _FORKED:
            popen = warm_processes().start("sendoff_cli", environment, own_log, arguments=words, folder=folder)
        else:
            given_output = own_log if output in (None, CLOSED) else output
            popen = _start(words, given_output, folder, environment, closed=output == CLOSED)
    started = Running(popen, log, port)
    try:
        yield started
    finally:
        if started.alive:
            started.processes()
            popen.terminate()
            try:
                popen.wait(30)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait(10)
        for process in started.survivors():
            process.kill()


def command_of(process: psutil.Process) -> list[str]:
    """The words that `ps` shows of a process; none once it has ended."""
    try:
        return " ".join(process.cmdline()).split()  # behind a title that was set there are empty words
    except psutil.Error:
        return []
