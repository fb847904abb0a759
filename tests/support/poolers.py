"""PgBouncer as docker-compose.yml runs it, in front of a test's database."""

import os
import pwd
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from support.debian import require_program
from support.waiting import wait_until


@contextmanager
def pgbouncer(database: str, environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Run PgBouncer with the settings of the compose service's environment; yields the URL through it.

    `folder` must be one that every user may enter: PgBouncer does not run as root.
    """
    program = require_program("pgbouncer", package="pgbouncer")
    port = _free_port()
    ini = _write_configuration(database, environment, folder, port)
    user = {"user": pwd.getpwnam("nobody").pw_uid, "extra_groups": []} if os.geteuid() == 0 else {}
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([program, str(ini)], stdout=log, stderr=log, **user)  # type: ignore[call-overload]  # mypy does not look into **
    url = urlsplit(database)
    through = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{port}").geturl()
    try:
        wait_until(lambda: _answers(through) or process.poll() is not None, "PgBouncer answers")
        assert process.poll() is None, (folder / "pgbouncer.log").read_text()
        yield through
    finally:
        process.terminate()
        process.wait(10)


def _write_configuration(database: str, environment: Mapping[str, str], folder: Path, port: int) -> Path:
    url = urlsplit(database)
    users, ini = folder / "userlist.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{url.username}" "{url.password}"\n')
    ini.write_text(
        f"[databases]\n{url.path[1:]} = host={url.hostname} port={url.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_file = {users}\n"
        f"auth_type = {environment['AUTH_TYPE']}\npool_mode = {environment['POOL_MODE']}\n"
        f"default_pool_size = {environment['DEFAULT_POOL_SIZE']}\nmax_client_conn = {environment['MAX_CLIENT_CONN']}\n"
    )
    return ini


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
