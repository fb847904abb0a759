"""Terminals of a reader who follows a page: shells in one folder, each with what it has shown so far."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sendoff_cli.servers.unprivileged import postgres_account
from support.command_line import clean_environment
from support.pages import is_shown
from support.waiting import wait_until


@dataclass
class Terminals:
    """Runs commands; what runs on is named by its terminal."""

    folder: Path
    settings: dict[str, str]
    running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)
    sourced: dict[str, str] = field(default_factory=dict)
    began: dict[str, int] = field(default_factory=dict)

    def run(self, script: str, terminal: str = "2", *, as_postgres: bool = False) -> str:
        """Run commands to their end, each of which must succeed; returns what they show.

        What they set holds for the next ones of the terminal. `as_postgres`: never as root, who may not run PostgreSQL.
        """
        variables = self._variables(terminal)
        typed = f"{self._as_typed(terminal, script)}\nrm -f {variables}; export -p > {variables}"
        ran: subprocess.CompletedProcess[str] = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", typed],
            cwd=self.folder,
            env=self._environment(),
            input="y\n",  # whoever asks hears a yes
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=90,
            check=False,
            **(_user_of_postgres(self.folder) if as_postgres else {}),
        )
        assert ran.returncode == 0, f"{script}\n{ran.stdout}"
        return ran.stdout

    def start(self, terminal: str, script: str, where: Path | None = None, *, as_postgres: bool = False) -> None:
        """Run commands that go on until they are stopped; `where` is another folder."""
        with self._log(terminal).open("ab") as log:
            self.began[terminal] = log.tell()
            self.running[terminal] = subprocess.Popen(
                ["bash", "-euc", self._as_typed(terminal, script)],
                cwd=where or self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **(_user_of_postgres(self.folder) if as_postgres else {}),
            )

    def wait_for(self, terminal: str, text: str) -> None:
        """Wait until what runs in a terminal shows a text (`is_shown`); fails at once when it has ended."""
        process = self.running[terminal]

        def shown() -> str:
            return self._log(terminal).read_bytes()[self.began[terminal] :].decode(errors="replace")

        with suppress(AssertionError):
            wait_until(lambda: is_shown(text, shown()) or process.poll() is not None, f"{text!r} is shown", 60)
        assert is_shown(text, shown()), f"{text}\nis not what is shown:\n{shown()}"

    def shown(self, terminal: str) -> str:
        """All that a terminal has shown."""
        return self._log(terminal).read_text(errors="replace")

    def interrupt(self, terminal: str) -> None:
        """Ctrl-C: every process of the terminal gets SIGINT."""
        process = self.running.pop(terminal)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)

    def forget(self) -> None:
        """Leave nothing of what was shown and set."""
        for terminal in self.sourced:
            self._log(terminal).unlink(missing_ok=True)
            self._variables(terminal).unlink(missing_ok=True)

    def _log(self, terminal: str) -> Path:
        return self.folder / f"terminal-{terminal}.log"

    def _as_typed(self, terminal: str, script: str) -> str:
        """The script after what the terminal has sourced and set before, as it holds in a shell that stays open."""
        before = self.sourced.get(terminal, "")
        self.sourced[terminal] = before + "".join(f"{line}\n" for line in script.splitlines() if line.startswith(". "))
        variables = self._variables(terminal)
        return f"{before}[ ! -e {variables} ] || . {variables}\nset -a\n{script}"

    def _variables(self, terminal: str) -> Path:
        return self.folder / f"terminal-{terminal}.variables"

    def _environment(self) -> dict[str, str]:
        return clean_environment(self.settings)


@contextmanager
def terminals(folder: Path, settings: dict[str, str]) -> Iterator[Terminals]:
    """New terminals in a folder; in the end what still runs in them is interrupted, and what they know forgotten."""
    opened = Terminals(folder, settings)
    try:
        yield opened
    finally:
        for terminal in reversed(list(opened.running)):
            opened.interrupt(terminal)
        opened.forget()


def _user_of_postgres(folder: Path) -> dict[str, Any]:
    """How a program is started that refuses to run as root; the folder is then that user's, who has to write there."""
    account = postgres_account(folder / "postgres")
    if account is None:
        return {}
    os.chown(folder, account.uid, account.gid)
    return {"user": account.uid, "group": account.gid, "extra_groups": []}
