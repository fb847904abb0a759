"""The embedded servers start, keep their data, and leave nothing behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import nats
import psutil
import psycopg
import pytest
from redis import Redis

from sendoff_cli.servers.embedded import ServerName, embedded_servers
from sendoff_cli.servers.endpoints import is_free
from sendoff_cli.servers.errors import ServerError
from sendoff_cli.servers.orphans import remember
from support.waiting import wait_until

ALL: tuple[ServerName, ...] = ("postgres", "redis", "nats")

PARENT = """
import sys
from pathlib import Path
from sendoff_cli.servers.embedded import embedded_servers

with embedded_servers(Path(sys.argv[1]), sys.argv[2:]):
    print("ready", flush=True)
    sys.stdin.read()
"""


async def test_all_three_answer_and_are_gone_afterwards(data: Path) -> None:
    with embedded_servers(data, ALL) as servers:
        assert list(servers.addresses) == ["postgres", "redis", "nats"]
        with psycopg.connect(servers.addresses["postgres"]) as connection:
            assert connection.execute("SELECT current_database(), current_user").fetchone() == ("sendoff", "sendoff")
        with Redis.from_url(servers.addresses["redis"]) as client:
            assert client.config_get("appendonly", "appendfsync", "maxmemory-policy") == {
                "appendonly": "yes",
                "appendfsync": "everysec",
                "maxmemory-policy": "noeviction",
            }
        async with await nats.connect(servers.addresses["nats"]) as connection:
            assert (await connection.jetstream().account_info()).streams == 0
        assert servers.dead() is None
        assert processes_of(data) != []

    assert processes_of(data) == []


async def test_a_restart_keeps_the_data_and_the_addresses(data: Path) -> None:
    with embedded_servers(data, ALL) as first:
        with psycopg.connect(first.addresses["postgres"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        with Redis.from_url(first.addresses["redis"]) as client:
            client.set("kept", "1")
        async with await nats.connect(first.addresses["nats"]) as connection:
            await connection.jetstream().add_stream(name="kept", subjects=["kept"])
            await connection.jetstream().publish("kept", b"1")

    with embedded_servers(data, ALL) as second:
        assert second.addresses == first.addresses
        with psycopg.connect(second.addresses["postgres"]) as connection:
            assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
        with Redis.from_url(second.addresses["redis"]) as client:
            assert client.get("kept") == b"1"
        async with await nats.connect(second.addresses["nats"]) as connection:
            assert (await connection.jetstream().stream_info("kept")).state.messages == 1


def test_a_port_that_somebody_else_took_is_replaced(data: Path) -> None:
    with embedded_servers(data, ["redis"]) as first:
        pass
    with socket.create_server(("127.0.0.1", port_of(first.addresses["redis"]))):  # noqa: SIM117 the order matters
        with embedded_servers(data, ["redis"]) as second, Redis.from_url(second.addresses["redis"]) as client:
            assert port_of(second.addresses["redis"]) != port_of(first.addresses["redis"])
            assert client.ping()


def test_servers_json_holds_the_addresses_for_its_owner_only(data: Path) -> None:
    file = data / "servers.json"
    with embedded_servers(data, ["redis", "nats"]) as servers:
        assert json.loads(file.read_text()) == servers.addresses
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    with embedded_servers(data, ["nats"]) as fewer:
        assert json.loads(file.read_text()) == fewer.addresses == {"nats": servers.addresses["nats"]}


def test_no_password_shows_in_a_command_line_or_to_other_users(data: Path) -> None:
    with embedded_servers(data, ALL):
        passwords = [endpoint["password"] for endpoint in json.loads((data / "endpoints.json").read_text()).values()]
        shown = [process.info["cmdline"] for process in processes_of(data)]
        assert [words for words in shown if any(password in " ".join(words) for password in passwords)] == []

        files = [path for path in data.rglob("*") if path.is_file()]
        holders = [path for path in files if any(password.encode() in path.read_bytes() for password in passwords)]
        assert {path.name for path in holders} == {"endpoints.json", "servers.json", "valkey.conf", "nats.conf"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}


def test_a_folder_in_use_is_refused_at_once(data: Path) -> None:
    with embedded_servers(data, ["redis"]) as first:
        with pytest.raises(ServerError, match=f"in use by another sendoff \\(process {os.getpid()}\\)"):
            embedded_servers(data, ["redis"]).__enter__()
        with Redis.from_url(first.addresses["redis"]) as client:
            assert client.ping()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start stops them")
def test_a_killed_parent_leaves_no_server_behind(data: Path) -> None:
    with parent_of(data, *ALL) as parent:
        assert {process.info["name"] for process in processes_of(data)} >= {"postgres", "valkey-server", "nats-server"}
        parent.kill()
        wait_until(lambda: processes_of(data) == [], "all servers of the killed parent have stopped")


def test_after_a_killed_parent_the_next_start_waits_for_nobody(data: Path) -> None:
    with parent_of(data, *ALL) as parent:
        parent.kill()
        parent.wait()
    with embedded_servers(data, ALL) as servers, psycopg.connect(servers.addresses["postgres"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_outlived_its_parent_is_stopped_by_the_next_start(data: Path) -> None:
    with embedded_servers(data, ["redis"]) as first:
        command = next(process.info["cmdline"] for process in processes_of(data))
    with running(command, stdout=subprocess.DEVNULL) as outlived:
        remember(data / "redis.pid", outlived.pid, command)
        wait_until(lambda: not is_free(port_of(first.addresses["redis"])), "the server listens")
        with embedded_servers(data, ["redis"]) as second:
            assert outlived.wait() == 0
            assert second.addresses == first.addresses


def test_a_stranger_with_the_recorded_process_id_is_left_alone(data: Path) -> None:
    data.mkdir()
    with running(["sleep", "60"]) as stranger:
        remember(data / "redis.pid", stranger.pid, ["valkey-server", str(data / "redis" / "valkey.conf")])
        with embedded_servers(data, ["redis"]):
            assert stranger.poll() is None


def test_an_initdb_that_was_killed_half_way_heals(data: Path) -> None:
    with parent_of(data, "postgres", wait=False) as parent:
        wait_until(lambda: list(data.glob("postgres/initdb-*/*/PG_VERSION")), "initdb has begun", every=0.001)
        parent.kill()
        parent.wait()
    assert not (data / "postgres" / "cluster").exists()

    with embedded_servers(data, ["postgres"]) as servers, psycopg.connect(servers.addresses["postgres"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert [path.name for path in (data / "postgres").iterdir()] == ["cluster"]


def test_a_postmaster_pid_of_somebody_else_does_not_prevent_a_start(data: Path) -> None:
    with embedded_servers(data, ["postgres"]):
        lock = data / "postgres" / "cluster" / "postmaster.pid"
        lines = lock.read_text().splitlines()
    owner = lock.parent.stat().st_uid if os.geteuid() == 0 else None
    with running(["sleep", "60"], user=owner) as stranger:
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        with (
            embedded_servers(data, ["postgres"]) as servers,
            psycopg.connect(servers.addresses["postgres"]) as connection,
        ):
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert stranger.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the start fails until the statement has ended")
def test_a_killed_postgres_starts_again_while_a_backend_is_busy(data: Path) -> None:
    with (
        embedded_servers(data, ["postgres"]) as servers,
        closing(psycopg.connect(servers.addresses["postgres"])) as connection,
    ):
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 10000000000)")
        os.kill(json.loads((data / "postgres.pid").read_text())["pid"], signal.SIGKILL)
        assert "SIGKILL" in str(wait_until(servers.dead, "the death is noticed"))

    with embedded_servers(data, ["postgres"]) as servers, psycopg.connect(servers.addresses["postgres"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_dies_at_start_is_reported_at_once_with_its_log(data: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ServerError, match=r"(?s)redis ended with exit code 1;.*FATAL CONFIG FILE ERROR"):
        embedded_servers(data, ["nats", "redis"], redis_settings={"no-such-directive": "1"}).__enter__()
    assert time.monotonic() - started < 10
    assert processes_of(data) == []


def test_a_server_that_dies_later_is_named(data: Path) -> None:
    with embedded_servers(data, ["redis", "nats"]) as servers:
        os.kill(json.loads((data / "nats.pid").read_text())["pid"], signal.SIGKILL)
        death = wait_until(servers.dead, "the death is noticed")
        assert death is not None
        assert death.startswith("nats was ended by SIGKILL; the end of")


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def processes_of(folder: Path) -> list[psutil.Process]:
    """The processes that work in the folder or name it in their command; those that only wait to be reaped do not.

    What each was called is in its `info`, since PostgreSQL's may have ended by the time that it is looked at.
    """
    seen = psutil.process_iter(["name", "cmdline", "cwd"], ad_value="")
    return [one for one in seen if one.pid != os.getpid() and _belongs(one.info, str(folder.resolve()))]


def _belongs(info: dict[str, Any], folder: str) -> bool:
    return any(folder in word for word in info["cmdline"]) or info["cwd"].startswith(folder)


@contextmanager
def parent_of(data: Path, *names: ServerName, wait: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs the servers until the test kills it."""
    command = [sys.executable, "-c", PARENT, str(data), *names]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        if wait:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"ready\n"
        yield parent


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not outlive the test."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()
