"""A standby of a test's PostgreSQL: made with pg_basebackup, and promoted."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from sendoff_cli.servers.binaries import postgres_programs
from sendoff_cli.servers.unprivileged import SHARED, postgres_account, reachable_programs
from support.waiting import wait_until
from support.whole_sendoff import free_port


@contextmanager
def standby_of(primary: str, folder: Path) -> Iterator[str]:
    """Run a standby that follows `primary`; yields its URL.

    `folder` must be one that every user may enter: PostgreSQL does not run as root.
    """
    account = postgres_account(folder / "standby")
    programs = reachable_programs(postgres_programs(), account, SHARED)
    user: dict[str, Any] = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    home, port = folder / "standby", free_port()
    home.mkdir(mode=0o700)
    if account is not None:
        os.chown(home, account.uid, account.gid)
    copy = [str(programs / "pg_basebackup"), "-d", primary, "-D", str(home), "-R", "-X", "stream", "--checkpoint=fast"]
    subprocess.run(copy, check=True, cwd=home, timeout=60, **user)
    options = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": 300,  # as many as the primary at least, or it refuses readers
        "fsync": "off",
    }
    arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with (folder / "standby.log").open("wb") as log:
        command = [str(programs / "postgres"), "-D", str(home), *arguments]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=home, **user)
    url = urlsplit(primary)
    address = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{port}").geturl()
    try:
        wait_until(lambda: _follows(address), "the standby follows")
        yield address
    finally:
        process.send_signal(signal.SIGINT)  # a fast shutdown, which does not wait for clients
        process.wait(20)


def promote(standby: str) -> None:
    """Make it a primary; returns when it takes writes."""
    with psycopg.connect(standby, autocommit=True) as connection:
        connection.execute("SELECT pg_promote(wait => true)")


def demote(primary: str) -> None:
    """Let it live on and take no writes, as a primary that was replaced and came back."""
    with psycopg.connect(primary, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")


def clients_of(server: str) -> int:
    """How many connections Sendoff has to a server."""
    with psycopg.connect(server) as connection:
        found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sendoff %'")
        return int((found.fetchone() or (0,))[0])


def _follows(address: str) -> bool:
    try:
        with psycopg.connect(address, connect_timeout=2) as connection:
            return bool((connection.execute("SELECT pg_is_in_recovery()").fetchone() or (False,))[0])
    except psycopg.OperationalError:
        return False
