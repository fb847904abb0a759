"""A Sendoff of its own for each figure: a new database, emptied Redis, real processes, and the command to start."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import psycopg
from redis import Redis

from bench.surroundings import Surroundings
from sendoff_cli.database import prepare_database
from sendoff_config.loading import load_settings
from sendoff_domain.signing_secret import format_secret
from support.client import Client
from support.instances import Launcher, Process, launcher
from support.waiting import wait_until
from support.whole_sendoff import free_port

_START_SECONDS = 60.0
_COMMAND_SECONDS = 5.0
_COMPLAINTS = 3


@dataclass(frozen=True, slots=True)
class Installation:
    """A migrated database, which a new installation finds stopped, and the means to run processes on it."""

    around: Surroundings
    environment: Mapping[str, str]
    launch: Launcher
    db: psycopg.Connection[Any]

    @property
    def prefix(self) -> str:
        """What its control subjects begin with."""
        return self.environment["SENDOFF_CONTROL__PREFIX"]

    def workers(self, instances: int = 1, processes: int = 2, **settings: str) -> list[Process]:
        """Start the workers of so many instances; returns when all of them have told the database that they are up."""
        started = [
            process
            for number in range(instances)
            for process in self.launch.instance(f"i{number}", processes, **settings)
        ]
        wait_until(
            lambda: self._joined() >= len(started) or not all(process.alive for process in started),
            f"{len(started)} workers are up",
            timeout=_START_SECONDS,
            every=0.1,
        )
        assert all(process.alive for process in started), started[0].tail()
        return started

    def api(self, api_keys: str = "[]") -> tuple[Process, Client]:
        """Start one API process on a free port, which knows these keys, and a client of it."""
        port = free_port()
        return self.launch.api(port, HTTP__API_KEYS=api_keys), Client(f"http://127.0.0.1:{port}")

    def command(self, action: str) -> None:
        """Start or stop the fleet by NATS; returns when PostgreSQL has decided."""
        asyncio.run(_request(self.around.addresses["nats"], f"{self.prefix}.control.{action}"))

    def finish(self, arrivals: int, patience: float) -> None:
        """Wait until so many requests have arrived and all is recorded; what is not there in time is lost."""
        deadline = time.monotonic() + patience
        self.around.webhook.has(arrivals, patience)
        while not self._recorded() and time.monotonic() < deadline:
            time.sleep(0.05)

    def sent(self) -> int:
        """How many messages are recorded as sent."""
        return int(self._scalar("SELECT count(*) FROM deliveries"))

    def stored(self) -> int:
        """How many messages were accepted."""
        return int(self._scalar("SELECT count(*) FROM messages"))

    def stored_of(self, customer: str) -> int:
        """How many messages of a customer were accepted."""
        row = self.db.execute("SELECT count(*) FROM messages WHERE customer_id = %s", (customer,)).fetchone()
        return 0 if row is None else int(row[0])

    def recipients(self, pattern: str) -> dict[str, str]:
        """Whom messages are for, by their ids, of those whose recipient is like the pattern."""
        found = self.db.execute("SELECT id, recipient FROM messages WHERE recipient LIKE %s", (pattern,))
        return {f"msg_{message_id.hex}": recipient for message_id, recipient in found}

    def _recorded(self) -> bool:
        return bool(self._scalar("SELECT NOT EXISTS (SELECT FROM due) AND NOT EXISTS (SELECT FROM retries)"))

    def _joined(self) -> int:
        return int(self._scalar("SELECT count(*) FROM processes WHERE role = 'worker'"))

    def _scalar(self, statement: str) -> Any:
        row = self.db.execute(statement.encode()).fetchone()
        return None if row is None else row[0]


@contextmanager
def installation(around: Surroundings, name: str) -> Iterator[Installation]:
    """An empty, stopped installation whose processes end with the block."""
    with psycopg.connect(around.addresses["postgres"], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE bench_{name}".encode())
    with Redis.from_url(around.addresses["redis"]) as client:
        client.flushall()
    around.webhook.reset()
    environment = _environment(around, name)
    settings = load_settings(None, {**os.environ, **environment})
    asyncio.run(prepare_database(settings, _START_SECONDS, print))
    folder = around.folder / name
    folder.mkdir()
    with (
        launcher(folder, environment, cold=True) as launch,
        psycopg.connect(environment["SENDOFF_POSTGRES__URL"], autocommit=True) as connection,
    ):
        yield Installation(around, environment, launch, connection)
        _complain(folder)


def _complain(folder: Path) -> None:
    """Say what the processes complained about: a figure with warnings is not what it seems."""
    for log in sorted(folder.glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()
        complaints = [line for line in lines if "[warning" in line or "[error" in line or "Traceback" in line]
        for line in complaints[:_COMPLAINTS]:
            sys.stderr.write(f"        {log.stem}: {line[:200]}\n")
        if len(complaints) > _COMPLAINTS:
            sys.stderr.write(f"        {log.stem}: {len(complaints) - _COMPLAINTS} more\n")


def _environment(around: Surroundings, name: str) -> dict[str, str]:
    redis = around.addresses["redis"].rpartition("/")[0]
    return {
        "SENDOFF_POSTGRES__URL": around.addresses["postgres"].rpartition("/")[0] + f"/bench_{name}",
        "SENDOFF_REDIS__BROKER_URL": f"{redis}/0",
        "SENDOFF_REDIS__CACHE_URL": f"{redis}/1",
        "SENDOFF_NATS__URL": around.addresses["nats"],
        "SENDOFF_CONTROL__PREFIX": f"bench-{name}",
        "SENDOFF_WEBHOOK__URL": around.webhook.url,
        "SENDOFF_WEBHOOK__SECRET": format_secret(around.webhook.key),
        "SENDOFF_SECURITY__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
        "SENDOFF_SCHEDULER__ENABLED": "false",
        "SENDOFF_SCHEDULER__INTERVAL": "100ms",
        "SENDOFF_SCHEDULER__BATCH_SIZE": "500",
        "SENDOFF_SCHEDULER__MAX_CONCURRENT": "200",
        "SENDOFF_SCHEDULER__DRAIN": "true",
    }


async def _request(url: str, subject: str) -> None:
    client = await nats.connect(url)
    try:
        await client.request(subject, b"", timeout=_COMMAND_SECONDS)
    finally:
        await client.close()
