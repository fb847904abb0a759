"""Which files of Sendoff have a function run in the processes of a test, turn by turn.

`RunningFiles.environment` has each process call `note` at its start. What is noted costs the processes about half of
their speed, and nothing outside of a turn.
"""

import mmap
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from support.layout import FOLDERS, ROOT

_FOLDER = "RUNNING_FILES_FOLDER"
_TURN, _NOTED = "turn", "noted"
_CODE = tuple(f"{ROOT / folder}{os.sep}" for folder in FOLDERS)


class RunningFiles:
    """A folder in which processes note what they run while a turn lasts."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "sitecustomize.py").write_text("from support.running_files import note\n\nnote()\n")
        (folder / _TURN).write_bytes(b"\0")
        (folder / _NOTED).touch()
        self._folder = folder
        self._turns = 0

    @property
    def environment(self) -> dict[str, str]:
        """What the processes need to note what they run."""
        return {"PYTHONPATH": f"{self._folder}:{ROOT / 'tests'}", _FOLDER: str(self._folder)}

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Have it noted what runs in the block."""
        self._turns += 1
        self._set(self._turns)
        yield
        self._set(0)

    def of_every_turn(self) -> set[str]:
        """The files, relative to the root, of which something ran in each turn."""
        noted = [line.split(" ", 1) for line in (self._folder / _NOTED).read_text().splitlines()]
        by_turn = [{file for turn, file in noted if turn == str(number)} for number in range(1, self._turns + 1)]
        return set.intersection(*by_turn)

    def _set(self, turn: int) -> None:
        with (self._folder / _TURN).open("r+b") as file:
            file.write(bytes([turn]))


def note() -> None:
    """Note from now on what this process runs while a turn lasts, in whichever thread."""
    folder = Path(os.environ[_FOLDER])
    with (folder / _TURN).open("rb") as file:
        turn = mmap.mmap(file.fileno(), 1, access=mmap.ACCESS_READ)
    # Lines of several processes, each one write, do not mix.
    noted = os.open(folder / _NOTED, os.O_WRONLY | os.O_APPEND)
    seen: set[tuple[int, str]] = set()

    def profile(frame: FrameType, event: str, _: object) -> None:
        number, file = turn[0], frame.f_code.co_filename
        if not number or event != "call" or (number, file) in seen:
            return
        seen.add((number, file))
        if file.startswith(_CODE):
            os.write(noted, f"{number} {Path(file).relative_to(ROOT)}\n".encode())

    sys.setprofile(profile)
    threading.setprofile(profile)
