"""Servers of one test alone, which it may kill and start again on the same addresses."""

import json
import os
import signal
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path

from sendoff_cli.servers.embedded import ServerName, embedded_servers


class OwnServers:
    """Some of the embedded servers; their data and ports are the same after each start."""

    def __init__(self, folder: Path, names: Collection[ServerName] = ("postgres", "redis", "nats")) -> None:
        self.folder = folder
        self._names = names
        self._stack = ExitStack()
        self.addresses: dict[str, str] = {}

    def start(self) -> None:
        """Start them."""
        running = self._stack.enter_context(embedded_servers(self.folder, self._names))
        self.addresses = dict(running.addresses)

    def crash(self, name: str) -> None:
        """SIGKILL one server."""
        os.kill(json.loads((self.folder / f"{name}.pid").read_text())["pid"], signal.SIGKILL)

    def stop(self) -> None:
        """Stop what still runs."""
        self._stack.close()
