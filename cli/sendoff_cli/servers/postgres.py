"""PostgreSQL as an embedded server: its parameters, its command, and when it is ready."""

import signal
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import psycopg

from sendoff_cli.servers.binaries import postgres_programs
from sendoff_cli.servers.cluster import ensure_cluster
from sendoff_cli.servers.endpoints import HOST, Endpoint
from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.process import Program, start
from sendoff_cli.servers.readiness import Readiness, Server
from sendoff_cli.servers.unprivileged import SHARED, postgres_account, reachable_home, reachable_programs

#: Fast shutdown: sessions are ended and a checkpoint is written. Then immediate shutdown: the next start recovers.
STOP_SIGNALS = (signal.SIGINT, signal.SIGQUIT)
#: To stretch the password would add nothing to its 192 random bits, and takes 3 ms of each new connection.
_SETTINGS = ("scram_iterations=1",)
_TIMEOUT_SECONDS = 5
_RECOVERING = ("starting up", "not yet accepting connections", "in recovery mode", "shutting down")


def start_postgres(
    data: Path,
    endpoint: Endpoint,
    *,
    prefer_path: bool = False,
    settings: Mapping[str, str] | None = None,
    shared: Path = SHARED,
) -> Server:
    """Start PostgreSQL in `<data>/postgres`, with the superuser and the database `sendoff`.

    `settings` override the parameters below. As root it runs as `nobody`; what that user cannot reach is put
    into the folder `shared`.
    """
    account = postgres_account(data / "postgres")
    found = postgres_programs(prefer_path=prefer_path)
    programs = reachable_programs(found, account, shared)
    home = reachable_home(data / "postgres", account, shared)
    cluster = ensure_cluster(
        home,
        data=data,
        programs=programs,
        account=account,
        password=endpoint.password,
        settings=() if found.version is None else _SETTINGS,  # those from PATH may be too old for them
    )
    parameters = _parameters(programs, endpoint) | dict(settings or {})
    command = [str(programs / "postgres"), "-D", str(cluster)]
    command += [word for name, value in parameters.items() for word in ("-c", f"{name}={value}")]
    child = start(Program("postgres", command, home, STOP_SIGNALS, account), data)
    return Server("postgres", endpoint.port, _url(endpoint, "sendoff"), child, partial(_ask, endpoint))


def _parameters(programs: Path, endpoint: Endpoint) -> dict[str, str]:
    return {
        "listen_addresses": HOST,
        "port": str(endpoint.port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "256MB",
        "fsync": "on",
        "synchronous_commit": "on",
        "wal_compression": "lz4" if _has_lz4(programs) else "off",  # pglz costs more than the disk it spares
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "autovacuum_naptime": "10s",
        "logging_collector": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
    }


def _has_lz4(programs: Path) -> bool:
    """A parameter that a program was not built for is refused even when only the configuration is asked for."""
    command = [str(programs / "postgres"), "-C", "wal_compression", "-c", "wal_compression=lz4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 ours
    return "invalid value" not in done.stderr


def _url(endpoint: Endpoint, database: str) -> str:
    return f"postgresql://sendoff:{endpoint.password}@{HOST}:{endpoint.port}/{database}"


def _ask(endpoint: Endpoint) -> Readiness:
    try:
        with psycopg.connect(
            _url(endpoint, "postgres"), autocommit=True, connect_timeout=_TIMEOUT_SECONDS, sslmode="disable"
        ) as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = 'sendoff'").rowcount == 0:
                connection.execute("CREATE DATABASE sendoff")
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise ServerError(f"postgres refuses its password: {error}") from error
        return Readiness.RECOVERING if any(text in str(error) for text in _RECOVERING) else Readiness.SILENT
    return Readiness.READY
