"""PostgreSQL fails over to a standby while messages flow: every process finds the new primary, nothing is lost."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from sendoff_cli.servers.embedded import embedded_servers
from support.client import Client
from support.databases import prepare
from support.instances import launcher
from support.receiver import Receiver
from support.servers import RedisUrls, open_folder
from support.standbys import clients_of, demote, promote, standby_of
from support.waiting import wait_until
from support.whole_sendoff import environment_of, free_port

COUNT = 200
#: A new connection to the second host, leases that have to run out, and a busy machine.
SECONDS = 60


@dataclass
class Pair:
    """A primary and its standby."""

    primary: str
    standby: str

    @property
    def both(self) -> str:
        """The address with both hosts, the primary first."""
        first, second = urlsplit(self.primary), urlsplit(self.standby)
        return first._replace(netloc=f"{first.netloc},{second.hostname}:{second.port}").geturl()


@pytest.fixture
def pair() -> Iterator[Pair]:
    with open_folder() as folder, embedded_servers(folder / "data", ["postgres"]) as running:
        primary = running.addresses["postgres"]
        asyncio.run(prepare(primary))
        with standby_of(primary, folder) as standby:
            yield Pair(primary, standby)


@pytest.mark.timeout(240)
def test_every_process_leaves_a_demoted_primary_and_goes_on_with_the_promoted_standby(
    tmp_path: Path, pair: Pair, redis_urls: RedisUrls, nats_url: str, receiver: Receiver, prefix: str
) -> None:
    environment = environment_of(pair.both, redis_urls.broker, redis_urls.cache, nats_url, receiver)
    with launcher(tmp_path, {**environment, "SENDOFF_CONTROL__PREFIX": prefix}) as launch:
        launch.worker()
        port = free_port()
        launch.api(port)
        api = Client(f"http://127.0.0.1:{port}")
        ids = set(api.send_many(COUNT))
        wait_until(lambda: recorded(pair.standby) == COUNT, "the standby has every delivery", timeout=SECONDS)
        assert clients_of(pair.primary) > 0

        promote(pair.standby)
        demote(pair.primary)
        wait_until(lambda: clients_of(pair.primary) == 0, "every connection has left", timeout=SECONDS)
        wait_until(lambda: api.call("GET", "/health/ready").status == 200, "the API is ready", timeout=SECONDS)
        ids |= set(api.send_many(COUNT))
        wait_until(lambda: recorded(pair.standby) == len(ids) == 2 * COUNT, "all is recorded there", timeout=SECONDS)
        assert receiver.ids() == dict.fromkeys(ids, 1)


def recorded(server: str) -> int:
    """How many deliveries a server knows."""
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        return int((connection.execute("SELECT count(*) FROM deliveries").fetchone() or (0,))[0])
