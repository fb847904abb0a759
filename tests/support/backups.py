"""Base backups of a test's PostgreSQL, and servers that are restored from them."""

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


class Backup:
    """The files of a server at one moment; `folder` must be one that every user may enter."""

    def __init__(self, primary: str, folder: Path) -> None:
        self._primary = primary
        self._home = folder / "backup"
        self._log = folder / "restored.log"
        account = postgres_account(self._home)
        self._programs = reachable_programs(postgres_programs(), account, SHARED)
        self._user: dict[str, Any] = (
            {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
        )
        self._home.mkdir(mode=0o700)
        if account is not None:
            os.chown(self._home, account.uid, account.gid)
        copy = [str(self._programs / "pg_basebackup"), "-d", primary, "-D", str(self._home)]
        subprocess.run(
            [*copy, "-X", "stream", "--checkpoint=fast"], check=True, cwd=self._home, timeout=60, **self._user
        )

    @contextmanager
    def restored(self, *, recovered: bool) -> Iterator[str]:
        """Run what was backed up; yields its URL.

        `recovered` is what a restore from an archive does, which ends in a timeline of its own; without it the files
        are started as they are, as those of a snapshot.
        """
        port = free_port()
        options = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 300,  # as many as the primary at least, or recovery stops
            "fsync": "off",
            "restore_command": "false",  # nothing is archived: recovery ends with what came along
        }
        if recovered:
            (self._home / "recovery.signal").touch()
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("wb") as log:
            command = [str(self._programs / "postgres"), "-D", str(self._home), *arguments]
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._home, **self._user)
        url = urlsplit(self._primary)
        address = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{port}").geturl()
        try:
            wait_until(lambda: _takes_writes(address), f"it is restored; {self._log} has why not")
            yield address
        finally:
            process.send_signal(signal.SIGINT)  # a fast shutdown, which does not wait for clients
            process.wait(20)


def _takes_writes(address: str) -> bool:
    try:
        with psycopg.connect(address, connect_timeout=2) as connection:
            return not bool((connection.execute("SELECT pg_is_in_recovery()").fetchone() or (True,))[0])
    except psycopg.OperationalError:
        return False
