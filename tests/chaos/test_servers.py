"""Servers that die and come back while messages flow."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from support.client import Client
from support.databases import prepare
from support.instances import Launcher, launcher
from support.own_servers import OwnServers
from support.receiver import Receiver
from support.servers import open_folder
from support.waiting import wait_until
from support.whole_sendoff import environment_of, free_port

COUNT = 3000


@pytest.fixture
def servers_of_this_test() -> Iterator[OwnServers]:
    with open_folder() as folder:
        own = OwnServers(folder / "data")
        own.start()
        yield own
        own.stop()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("victim", ["postgres", "redis"])
def test_a_crash_of_a_server_loses_nothing(
    tmp_path: Path, servers_of_this_test: OwnServers, receiver: Receiver, victim: str
) -> None:
    own = servers_of_this_test
    redis = own.addresses["redis"].removesuffix("/0")
    environment = environment_of(own.addresses["postgres"], f"{redis}/0", f"{redis}/1", own.addresses["nats"], receiver)
    receiver.answer_late(0.005)
    asyncio.run(prepare(own.addresses["postgres"]))
    with launcher(tmp_path, environment) as launch:
        api = _start(launch)
        ids = api.send_many(COUNT)
        wait_until(lambda: len(receiver.ids()) >= COUNT // 5, "messages flow", timeout=60, every=0.005)

        own.crash(victim)
        assert len(receiver.ids()) < COUNT
        own.stop()
        own.start()

        wait_until(lambda: set(receiver.ids()) == set(ids), "every message arrived", timeout=90)
        with psycopg.connect(own.addresses["postgres"], autocommit=True) as connection:
            wait_until(lambda: _delivered(connection) == COUNT, "every message is recorded once", timeout=60)


def _start(launch: Launcher) -> Client:
    port = free_port()
    launch.worker(SCHEDULER__MAX_CONCURRENT="20")
    launch.api(port)
    return Client(f"http://127.0.0.1:{port}")


def _delivered(connection: "psycopg.Connection[tuple[int]]") -> int:
    row = connection.execute("SELECT count(*) FROM deliveries").fetchone()
    assert row is not None
    return row[0]
