"""The containers' own commands and environment, as processes: only the host names differ."""

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.client import Client
from support.instances import Process
from support.poolers import pgbouncer
from support.receiver import Receiver, running_receiver
from support.servers import RedisUrls, open_folder
from support.waiting import wait_until
from support.whole_sendoff import free_port

ROOT = Path(__file__).parents[3]
IMAGE_COMMAND = json.loads(re.findall(r"^CMD (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1])
_SAMPLE = r"http://sample-webhook:9000/"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Starts services of docker-compose.yml on the servers of the tests."""

    services: dict[str, Any]
    addresses: dict[str, str]
    folder: Path
    processes: ExitStack

    def command(self, service: str) -> list[str]:
        """What the container runs, with the paths of this checkout."""
        command = self.services[service].get("command") or IMAGE_COMMAND
        executable = str(Path(sys.executable).parent / command[0])
        return [executable, *(part.replace("/etc/sendoff/", f"{ROOT}/") for part in command[1:])]

    def environment(self, service: str, **changes: str) -> dict[str, str]:
        """What the container is told, each server's URL replaced by that of the test's server."""
        told = {name: self._placed(value) for name, value in self.services[service]["environment"].items()}
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), **told, **changes}

    def _placed(self, value: str) -> str:
        for start, address in self.addresses.items():
            if re.match(start, value):
                return address
        return value

    def start_app(self, number: int) -> Client:
        """One replica of messaging-app; it has a port of its own, since processes share one network."""
        port = free_port()
        changes = {
            "SENDOFF_HTTP__HOST": "127.0.0.1",
            "SENDOFF_HTTP__PORT": str(port),
            "SENDOFF_INSTANCE": f"app-{number}",
            "SENDOFF_WEBHOOK__TRUSTED": json.dumps([urlsplit(self.addresses[_SAMPLE]).netloc]),
            "SENDOFF_CONTROL__PREFIX": f"test-{self.folder.name}",
        }
        log = self.folder / f"app-{number}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                self.command("messaging-app"),
                env=self.environment("messaging-app", **changes),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(popen, log)
        self.processes.callback(process.stop, 75)
        client = Client(f"http://127.0.0.1:{port}")
        wait_until(lambda: _ready(client) or not process.alive, f"app-{number} is ready", timeout=60)
        assert process.alive, process.tail()
        return client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def fleet(
    compose: dict[str, Any], owned_database: str, redis_urls: RedisUrls, nats_url: str, receiver: Receiver
) -> Iterator[Fleet]:
    """The fleet's servers, with nothing of Sendoff in them yet."""
    services = compose["services"]
    with open_folder() as folder, pgbouncer(owned_database, services["pgbouncer"]["environment"], folder) as pooled:
        addresses = {
            r"postgresql://.*@pgbouncer:6432/": pooled,
            r"postgresql://.*@postgres:5432/": owned_database,
            r"redis://.*@redis:6379/0": redis_urls.broker,
            r"redis://.*@redis:6379/1": redis_urls.cache,
            r"nats://.*@nats:4222": nats_url,
            _SAMPLE: receiver.url,
        }
        home = folder / secrets.token_hex(4)
        home.mkdir()
        with ExitStack() as processes:
            yield Fleet(services, addresses, home, processes)


def _ready(client: Client) -> bool:
    try:
        return client.call("GET", "/health/ready").status == 200
    except OSError:
        return False


@pytest.mark.timeout(240)
def test_a_migration_and_two_replicas_behind_pgbouncer_deliver(fleet: Fleet, receiver: Receiver) -> None:
    migration = subprocess.run(
        fleet.command("migrate"),
        env=fleet.environment("migrate"),
        cwd=fleet.folder,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert migration.returncode == 0, migration.stderr
    replicas = [fleet.start_app(number) for number in (1, 2)]
    sent = {replica.send(to=f"to-{number}") for number in range(10) for replica in replicas}
    wait_until(lambda: set(receiver.ids()) >= sent, "every message arrives")
    assert set(receiver.ids().values()) == {1}, "none arrives twice"
    assert replicas[1].call("POST", "/v1/scheduler/stop?wait=5s").status == 202
    status = replicas[0].call("GET", "/v1/scheduler").body
    assert {instance["instance"] for instance in status["instances"]} == {"app-1", "app-2"}
    assert status["desired"] == "stopped"
