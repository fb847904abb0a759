"""Valkey, which speaks the protocol of Redis, as an embedded server."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError
from redis.retry import Retry

from sendoff_cli.servers.binaries import valkey_program
from sendoff_cli.servers.endpoints import HOST, Endpoint
from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.private_files import write_private
from sendoff_cli.servers.process import Program, start
from sendoff_cli.servers.quoting import quoted
from sendoff_cli.servers.readiness import Readiness, Server

_TIMEOUT_SECONDS = 2.0


def start_valkey(
    data: Path, endpoint: Endpoint, *, prefer_path: bool = False, settings: Mapping[str, str] | None = None
) -> Server:
    """Start Valkey in `<data>/redis`; `settings` override the directives below.

    It writes to the disk once a second: a power cut may take the last second, a killed process takes nothing.
    """
    home = data / "redis"
    home.mkdir(mode=0o700, exist_ok=True)
    configuration = home / "valkey.conf"
    write_private(configuration, _configuration(home, endpoint, settings or {}))
    command = [str(valkey_program(prefer_path=prefer_path)), str(configuration)]
    child = start(Program("redis", command, home), data)
    return Server(
        "redis", endpoint.port, f"redis://:{endpoint.password}@{HOST}:{endpoint.port}/0", child, partial(_ask, endpoint)
    )


def _configuration(home: Path, endpoint: Endpoint, settings: Mapping[str, str]) -> str:
    directives = {
        "bind": HOST,
        "port": str(endpoint.port),
        "requirepass": endpoint.password,
        "dir": str(home),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "databases": "16",
        # The command line must stay what it was, or a later start would not know this process for ours.
        "set-proc-title": "no",
        **settings,
    }
    return "".join(f"{name} {quoted(value)}\n" for name, value in directives.items())


def _ask(endpoint: Endpoint) -> Readiness:
    client = Redis(
        host=HOST,
        port=endpoint.port,
        password=endpoint.password,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    with client:
        try:
            client.ping()
        except BusyLoadingError:
            return Readiness.RECOVERING
        except AuthenticationError as error:
            raise ServerError(f"redis refuses its password: {error}") from error
        except RedisError:
            return Readiness.SILENT
    return Readiness.READY
