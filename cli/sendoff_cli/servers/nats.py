"""NATS with JetStream as an embedded server."""

import json
import socket
from functools import partial
from pathlib import Path

from sendoff_cli.servers.binaries import nats_program
from sendoff_cli.servers.endpoints import HOST, Endpoint
from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.private_files import write_private
from sendoff_cli.servers.process import Child, Program, start
from sendoff_cli.servers.quoting import quoted
from sendoff_cli.servers.readiness import Readiness, Server

_TIMEOUT_SECONDS = 2.0


def start_nats(data: Path, endpoint: Endpoint, *, prefer_path: bool = False) -> Server:
    """Start NATS in `<data>/nats`; the user is `sendoff`.

    JetStream writes to the disk once a second: a power cut may take the last second, a killed process takes nothing.
    """
    home = data / "nats"
    home.mkdir(mode=0o700, exist_ok=True)
    configuration = home / "nats.conf"
    write_private(configuration, _configuration(home, endpoint))
    command = [str(nats_program(prefer_path=prefer_path)), "-c", str(configuration)]
    child = start(Program("nats", command, home), data)
    url = f"nats://sendoff:{endpoint.password}@{HOST}:{endpoint.port}"
    return Server("nats", endpoint.port, url, child, partial(_ask, child, endpoint))


def _configuration(home: Path, endpoint: Endpoint) -> str:
    return f"""\
server_name: "sendoff"
host: "{HOST}"
port: {endpoint.port}
jetstream {{ store_dir: {quoted(str(home))}, sync_interval: "1s" }}
authorization {{ user: "sendoff", password: {quoted(endpoint.password)} }}
"""


def _ask(child: Child, endpoint: Endpoint) -> Readiness:
    options = {"user": "sendoff", "pass": endpoint.password, "verbose": False, "pedantic": False, "lang": "python"}
    try:
        with (
            socket.create_connection((HOST, endpoint.port), _TIMEOUT_SECONDS) as connection,
            connection.makefile("rb") as lines,
        ):
            lines.readline()  # INFO
            connection.sendall(b"CONNECT " + json.dumps(options).encode() + b"\r\nPING\r\n")
            reply = lines.readline()
    except OSError:
        # NATS opens its port only after it has read its streams.
        return Readiness.RECOVERING if child.log.mentions("Starting restore for stream") else Readiness.SILENT
    if reply.startswith(b"-ERR"):
        raise ServerError(f"nats refuses its password: {reply.decode(errors='replace').strip()}")
    return Readiness.READY if reply.startswith(b"PONG") else Readiness.SILENT
