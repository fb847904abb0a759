"""Terminals of a reader who follows a page: shells in one folder, each with what it has shown so far."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.command_line import clean_environment
from support.waiting import wait_until


@dataclass
class Terminals:
    """Runs commands; what runs on is named by its terminal."""

    folder: Path
    settings: dict[str, str]
    running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)
    sourced: dict[str, str] = field(default_factory=dict)

    def run(self, script: str, terminal: str = "2") -> str:
        """Run commands to their end, each of which must succeed; returns what they show."""
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._as_typed(terminal, script)],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert ran.returncode == 0, f"{script}\n{ran.stdout}{ran.stderr}"
        return ran.stdout + ran.stderr

    def start(self, terminal: str, script: str, where: Path | None = None) -> None:
        """Run commands that go on until they are stopped; `where` is another folder."""
        with self._log(terminal).open("ab") as log:
            self.running[terminal] = subprocess.Popen(
                ["bash", "-euc", self._as_typed(terminal, script)],
                cwd=where or self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, terminal: str, text: str) -> None:
        """Wait until a terminal shows a text; fails at once when what runs there has ended."""
        process = self.running[terminal]
        wait_until(lambda: text in self.shown(terminal) or process.poll() is not None, f"{text!r} is shown", 60)
        assert text in self.shown(terminal), self.shown(terminal)

    def shown(self, terminal: str) -> str:
        """All that a terminal has shown."""
        return self._log(terminal).read_text(errors="replace")

    def interrupt(self, terminal: str) -> None:
        """Ctrl-C: every process of the terminal gets SIGINT."""
        process = self.running.pop(terminal)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)

    def _log(self, terminal: str) -> Path:
        return self.folder / f"terminal-{terminal}.log"

    def _as_typed(self, terminal: str, script: str) -> str:
        """The script after what the terminal has sourced before, as it holds in a shell that stays open."""
        before = self.sourced.get(terminal, "")
        self.sourced[terminal] = before + "".join(f"{line}\n" for line in script.splitlines() if line.startswith(". "))
        return before + script

    def _environment(self) -> dict[str, str]:
        return clean_environment(self.settings)


@contextmanager
def terminals(folder: Path, settings: dict[str, str]) -> Iterator[Terminals]:
    """Terminals in a folder; whatever still runs in them is interrupted in the end."""
    opened = Terminals(folder, settings)
    try:
        yield opened
    finally:
        for terminal in reversed(list(opened.running)):
            opened.interrupt(terminal)
