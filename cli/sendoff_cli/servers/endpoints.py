"""The port and the password of each embedded server: made once, kept with the data."""

import json
import secrets
import socket
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.private_files import write_private

HOST = "127.0.0.1"
#: Below what Linux and macOS give to outgoing connections, so that none of those sits on a port between two starts.
PORTS = range(20_000, 32_768)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one server listens on loopback, and what opens it."""

    port: int
    password: str


class Endpoints:
    """The endpoints of one data folder.

    Raises ServerError when its file cannot be read: without it the passwords are lost.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = _read(file) if file.exists() else {}

    def take(self, name: str) -> Endpoint:
        """The endpoint of the last start; another port when that one is not free any more."""
        known = self._known.get(name)
        if known is not None and is_free(known.port):
            return known
        return self.move(name)

    def move(self, name: str) -> Endpoint:
        """Give the server another port; a server without a password gets one."""
        known = self._known.get(name)
        password = secrets.token_urlsafe(24) if known is None else known.password
        self._known[name] = Endpoint(_free_port({endpoint.port for endpoint in self._known.values()}), password)
        write_private(self._file, json.dumps({name: asdict(endpoint) for name, endpoint in self._known.items()}))
        return self._known[name]


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port(taken: Collection[int]) -> int:
    for _ in PORTS:
        port = secrets.choice(PORTS)
        if port not in taken and is_free(port):
            return port
    raise ServerError(f"no port between {PORTS.start} and {PORTS.stop - 1} is free on {HOST}")


def _read(file: Path) -> dict[str, Endpoint]:
    try:
        return {name: Endpoint(**endpoint) for name, endpoint in json.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ServerError(f"{file} holds the passwords of the embedded servers and cannot be read: {error}") from error
