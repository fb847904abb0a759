"""What a server says: a file in the data folder that starts over when it has grown too long."""

import os
from pathlib import Path

_LIMIT = 16 * 1024 * 1024
_TAIL_BYTES = 4096
_TAIL_LINES = 20


class ServerLog:
    """The log `<data>/<name>.log` of one start; what earlier starts wrote stays in it but is not read."""

    def __init__(self, data: Path, name: str) -> None:
        self.path = data / f"{name}.log"
        self.path.touch(mode=0o600)
        if self.path.stat().st_size > _LIMIT:
            os.replace(self.path, data / f"{name}.log.1")
            self.path.touch(mode=0o600)
        self._start = self.path.stat().st_size

    def tail(self) -> str:
        """The last lines of this start, as the end of a message."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(self._start, self.path.stat().st_size - _TAIL_BYTES))
                lines = file.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]
        except OSError as error:
            return f"{self.path} cannot be read: {error.strerror}"
        return f"the end of {self.path}:\n" + ("\n".join(lines) or "(nothing)")

    def mentions(self, text: str) -> bool:
        """Whether the server has written this since its start."""
        with self.path.open("rb") as file:
            file.seek(self._start)
            return text.encode() in file.read()
