"""A whole Sendoff for each test: its own database, Redis databases and control prefix, a webhook, real processes."""

import itertools
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from support.client import Client
from support.instances import Launcher, launcher
from support.receiver import Receiver, running_receiver
from support.servers import RedisUrls

#: Below the ports of embedded servers and those from which connections go out, either of which may take one before its
#: server does: so many for each worker of pytest, one after the other.
_FIRST_PORT, _PORTS, _WORKERS = int(os.environ.get("TEST_FIRST_PORT", "12000")), 1_000, 8
_turns = itertools.count(os.getpid())
#: Fast enough for a test, slow enough to be counted.
RETRY = {"RETRY__ATTEMPTS": "3", "RETRY__FIRST": "200ms", "RETRY__FACTOR": "2", "RETRY__JITTER": "0"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The webhook of the default customer."""
    with running_receiver() as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """The prefix of everything that this test's fleet says on the buses."""
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture
def launch(
    tmp_path: Path, sendoff_database: str, redis_urls: RedisUrls, nats_url: str, receiver: Receiver, prefix: str
) -> Iterator[Launcher]:
    """Starts processes; all of one test share servers, webhook and a pace that drains."""
    environment = environment_of(sendoff_database, redis_urls.broker, redis_urls.cache, nats_url, receiver)
    with launcher(tmp_path, {**environment, "SENDOFF_CONTROL__PREFIX": prefix}) as started:
        yield started


def environment_of(postgres: str, broker: str, cache: str, nats: str, receiver: Receiver) -> dict[str, str]:
    """The settings of a Sendoff on these servers, at a pace that drains."""
    return {
        "SENDOFF_POSTGRES__URL": postgres,
        "SENDOFF_REDIS__BROKER_URL": broker,
        "SENDOFF_REDIS__CACHE_URL": cache,
        "SENDOFF_NATS__URL": nats,
        "SENDOFF_WEBHOOK__URL": receiver.url,
        "SENDOFF_WEBHOOK__TIMEOUT": "20s",  # a webhook that hangs for a test must not time out on a busy machine
        "SENDOFF_SECURITY__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
        "SENDOFF_SCHEDULER__INTERVAL": "50ms",
        "SENDOFF_SCHEDULER__BATCH_SIZE": "200",
        "SENDOFF_SCHEDULER__MAX_CONCURRENT": "50",
        "SENDOFF_SCHEDULER__DRAIN": "true",
        **{f"SENDOFF_{key}": value for key, value in RETRY.items()},
    }


@pytest.fixture
def api(launch: Launcher) -> Client:
    """A running API process, and a client of it."""
    port = free_port()
    launch.api(port)
    return Client(f"http://127.0.0.1:{port}")


def free_port() -> int:
    """A port that nobody listens on at the moment, and that no other worker of pytest is given."""
    while True:
        port = _FIRST_PORT + _PORTS * _worker_number() + next(_turns) % _PORTS
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _worker_number() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % _WORKERS


def add_customer(api: Client, webhook: Receiver, customer_id: str, **fields: Any) -> None:
    """Create a customer whose webhook is that receiver."""
    answer = api.call("POST", "/v1/customers", {"id": customer_id, "webhookUrl": webhook.url, **fields})
    assert answer.status == 201, answer
