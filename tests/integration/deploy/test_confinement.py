"""What docker-compose.yml keeps from those who get into a container, a command line or a port."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nats
import psutil
import psycopg
import pytest
import redis

from sendoff_cli.servers.binaries import nats_program, valkey_program
from sendoff_config.loading import load_settings
from support.layout import ROOT
from support.waiting import wait_until
from support.whole_sendoff import free_port

PASSWORDS = {name: f"{name.lower().replace('_', '')}marker" for name in
             ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "NATS_PASSWORD", "GRAFANA_PASSWORD")}  # fmt: skip
Document = dict[str, Any]


def test_no_private_network_is_open_and_the_sample_is_trusted_by_the_default_customer(compose: Document) -> None:
    for service in ("messaging-app", "migrate"):
        settings = load_settings(ROOT / "config.yaml", compose["services"][service]["environment"])
        assert settings.security.allowed_networks == ()
        assert settings.webhook.trusted == ("sample-webhook:9000",)
        assert {"gateway:8080", "prometheus:9090", "grafana:3000"} <= set(settings.security.own_servers)


def test_only_the_gateway_can_be_published_beyond_loopback(compose_with: Callable[..., Document]) -> None:
    services = compose_with(PUBLISH_ADDRESS="0.0.0.0")["services"]
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    beyond = [name for name, published in ports.items() for one in published if not one.startswith("127.0.0.1:")]
    assert beyond == ["gateway"]


def test_no_password_is_in_a_command_line(compose_with: Callable[..., Document]) -> None:
    services = compose_with(**PASSWORDS)["services"]
    for service in services.values():
        shown = {key: value for key, value in service.items() if key != "environment"}
        assert [name for name, password in PASSWORDS.items() if password in str(shown)] == []
    told = str([service["environment"] for service in services.values() if "environment" in service])
    assert [name for name, password in PASSWORDS.items() if password not in told] == []


def test_no_container_can_do_more_than_it_must(compose: Document) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
    extended = {name for name, service in compose["services"].items() if "cap_add" in service}
    writable = {name for name, service in compose["services"].items() if not service["read_only"]}
    assert (extended, writable) == ({"postgres"}, {"pgbouncer"})


def test_sendoffs_role_owns_its_database_and_is_no_superuser(owned_database: str, compose: Document) -> None:
    with psycopg.connect(owned_database) as connection:
        (attributes,) = connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchall()
        (encoding,) = connection.execute("SHOW server_encoding").fetchall()
    assert (set(attributes), encoding) == ({False}, ("UTF8",))
    postgres = compose["services"]["postgres"]
    assert "POSTGRES_USER" not in postgres["environment"], "the superuser is another"
    assert f"{ROOT}/deploy/postgres:/docker-entrypoint-initdb.d:ro" in postgres["volumes"]
    app = load_settings(None, compose["services"]["messaging-app"]["environment"])
    role, password = (postgres["environment"][name] for name in ("SENDOFF_ROLE", "SENDOFF_PASSWORD"))
    assert str(app.postgres.url).startswith(f"postgresql://{role}:{password}@")


@contextmanager
def process(command: list[str], log: Path, **environment: str) -> Iterator[psutil.Process]:
    with log.open("wb") as output:
        popen = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=output)
    try:
        yield psutil.Process(popen.pid)
    finally:
        popen.send_signal(signal.SIGTERM)
        popen.wait(20)


def test_redis_asks_for_the_password_of_its_environment(compose: Document, tmp_path: Path) -> None:
    service, port = compose["services"]["redis"], free_port()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "redis-server").symlink_to(valkey_program())
    shell = service["command"][-1].replace("$$", "$").replace("/tmp/", f"{tmp_path}/").replace("/data", str(tmp_path))
    command = [*service["command"][:-1], f"{shell} --port {port}"]
    path = f"{programs}:{os.environ['PATH']}"
    with process(command, tmp_path / "log", PATH=path, REDISCLI_AUTH="007-secret") as server:
        client = redis.Redis(port=port, password="007-secret")
        wait_until(lambda: answers(client), "Redis answers")
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert "007-secret" not in " ".join(server.cmdline())
        assert server.name() != "sh", "it gets the signals itself"
        assert (tmp_path / "redis.conf").stat().st_mode & 0o077 == 0
        client.close()
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.mark.parametrize("password", ["sendoff", "007-secret", "3e5"])
async def test_nats_asks_for_the_password_of_its_environment(
    password: str, compose_with: Callable[..., Document], tmp_path: Path
) -> None:
    told = compose_with(NATS_PASSWORD=password)["services"]["nats"]["environment"]
    port, monitor = free_port(), free_port()
    text = (ROOT / "deploy/nats/nats.conf").read_text().replace('"/data"', f'"{tmp_path}/data"')
    text = re.sub(r"port: 4222", f"port: {port}", text).replace("127.0.0.1:8222", f"127.0.0.1:{monitor}")
    (tmp_path / "nats.conf").write_text(text)
    command = [str(nats_program()), "--config", str(tmp_path / "nats.conf")]
    with process(command, tmp_path / "log", **told) as server:
        wait_until(lambda: port in listening(server), "NATS listens")
        client = await nats.connect(f"nats://sendoff:{password}@127.0.0.1:{port}", connect_timeout=10)
        await client.jetstream().account_info()
        await client.close()
        assert b"Authorization Violation" in said_to_a_stranger(port)
        assert listening(server)[monitor] == "127.0.0.1"
        assert password not in " ".join(server.cmdline())


def listening(server: psutil.Process) -> dict[int, str]:
    """The ports on which a process listens, and the addresses."""
    return {one.laddr.port: one.laddr.ip for one in server.net_connections() if one.status == psutil.CONN_LISTEN}


def said_to_a_stranger(port: int) -> bytes:
    """What NATS answers to a client without a password."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as stranger, stranger.makefile("rb") as lines:
        lines.readline()  # INFO
        stranger.sendall(b'CONNECT {"verbose": false}\r\nPING\r\n')
        return lines.readline()
