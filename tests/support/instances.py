"""Instances as real processes: workers and API servers that a test starts, kills and looks at."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from support.waiting import wait_until
from support.warm_processes import ForkedProcess, warm_processes


@dataclass
class Process:
    """One running process and its log."""

    popen: "subprocess.Popen[bytes] | ForkedProcess"
    log: Path

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.popen.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self.popen.kill()
        self.popen.wait(10)

    def stop(self, timeout: float = 30) -> int:
        """SIGTERM, and wait for the end; a process that does not end is killed and the test fails."""
        if self.alive:
            self.popen.terminate()
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(10)
            raise AssertionError(f"did not end within {timeout} s of SIGTERM:\n{self.tail()}") from None

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@dataclass
class Launcher:
    """Starts processes of Sendoff with one environment; all that still run are ended with the test.

    Those that are `cold` import everything themselves, as outside of tests, which takes each a second.
    """

    folder: Path
    environment: dict[str, str]
    cold: bool = False
    processes: list[Process] = field(default_factory=list)

    def worker(
        self, instance: str = "one", index: int = 0, count: int = 1, files: str = "", **settings: str
    ) -> Process:
        """One worker process; `settings` are variables without their prefix: `SCHEDULER__INTERVAL="2s"`.

        `files` is what `ulimit` is told before it starts: `-n 128`.
        """
        who = {"SENDOFF_INSTANCE": instance, "SENDOFF_PROCESS": f"{index}/{count}"}
        return self._start(["-m", "sendoff_actors"], f"{instance}-worker-{index}", who, settings, files)

    def instance(self, name: str = "one", processes: int = 2, **settings: str) -> list[Process]:
        """All worker processes of one instance."""
        return [self.worker(name, index, processes, **settings) for index in range(processes)]

    def dramatiq(self, instance: str, processes: int, **settings: str) -> Process:
        """The same worker processes under Dramatiq's own command line."""
        who = {"SENDOFF_INSTANCE": instance, "SENDOFF_WORKERS__PROCESSES": str(processes)}
        command = ["-m", "dramatiq", "sendoff_actors.main:prepare", "--processes", str(processes), "--threads", "4"]
        return self._start(command, f"{instance}-dramatiq", who, settings)

    def api(
        self, port: int, instance: str = "api", index: int = 0, count: int = 1, files: str = "", **settings: str
    ) -> Process:
        """One API process on that port; returns when it is ready."""
        who = {
            "SENDOFF_INSTANCE": instance,
            "SENDOFF_PROCESS": f"{index}/{count}",
            "SENDOFF_HTTP__PORT": str(port),
        }
        process = self._start(["-m", "sendoff_http"], f"{instance}-http-{index}", who, settings, files)
        wait_until(lambda: _answers(port) or not process.alive, f"the API on port {port} is ready")
        assert process.alive, process.tail()
        return process

    def ingest(self, instance: str = "one", index: int = 0, count: int = 1, **settings: str) -> Process:
        """One process of the ingest."""
        who = {"SENDOFF_INSTANCE": instance, "SENDOFF_PROCESS": f"{index}/{count}"}
        return self._start(["-m", "sendoff_ingest"], f"{instance}-ingest-{index}", who, settings)

    def _start(
        self, arguments: list[str], name: str, who: dict[str, str], settings: dict[str, str], files: str = ""
    ) -> Process:
        own = {f"SENDOFF_{key}": value for key, value in settings.items()}
        environment = {**os.environ, **self.environment, **who, **own}
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            popen: subprocess.Popen[bytes] | ForkedProcess
            if self.cold or files or len(arguments) > 2:
                popen = _start_cold(arguments, environment, output, files)
            else:
                popen = warm_processes().start(arguments[1], environment, output)
        process = Process(popen, log)
        self.processes.append(process)
        return process


@contextmanager
def launcher(folder: Path, environment: dict[str, str], *, cold: bool = False) -> Iterator[Launcher]:
    """A launcher whose processes end with the block."""
    started = Launcher(folder, environment, cold)
    try:
        yield started
    finally:
        for process in started.processes:
            if process.alive:
                process.kill()


def _start_cold(
    arguments: list[str], environment: dict[str, str], output: IO[bytes], files: str
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*(("sh", "-c", f'ulimit {files} && exec "$0" "$@"') if files else ()), sys.executable, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
