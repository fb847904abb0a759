"""The nodes of NATS die while messages are published and taken in: each that was acknowledged is stored once.

The cluster has three replicas of the stream and `sync_interval: always`. INGEST_MESSAGES makes it as long as one likes.
"""

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import psycopg
import pytest
from nats.aio.client import Client
from nats.errors import Error
from nats.js.api import StreamInfo

from sendoff_domain.stream_names import ingest_stream_name
from support.instances import Launcher, launcher
from support.nats_cluster import NatsCluster, running_nats_cluster
from support.patient_producer import PatientProducer
from support.producer import SMALL_STREAMS
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import eventually
from support.whole_sendoff import environment_of

MESSAGES = int(os.environ.get("INGEST_MESSAGES", "6000"))
#: nats-py forgets connections to nodes that go away while it connects.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.timeout(300 + MESSAGES // 50),
]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NatsCluster]:
    with running_nats_cluster(tmp_path) as running:
        yield running


@pytest.fixture
def launch(
    tmp_path: Path, sendoff_database: str, redis_urls: RedisUrls, cluster: NatsCluster, receiver: Receiver, prefix: str
) -> Iterator[Launcher]:
    environment = environment_of(sendoff_database, redis_urls.broker, redis_urls.cache, cluster.url, receiver)
    environment |= {f"SENDOFF_{key}": value for key, value in SMALL_STREAMS.items()}
    replicas = {"SENDOFF_CONTROL__PREFIX": prefix, "SENDOFF_INGEST__REPLICAS": "3"}
    with launcher(tmp_path, {**environment, **replicas}) as started:
        yield started


@pytest.fixture
async def client(cluster: NatsCluster) -> AsyncIterator[Client]:
    async def ignore(_: Exception) -> None:
        """Nodes that are away are what these tests are about."""

    connected = await nats.connect(
        cluster.url.split(","), reconnect_time_wait=0.1, max_reconnect_attempts=-1, connect_timeout=5, error_cb=ignore
    )
    yield connected
    await connected.close()
    gc.collect()  # while that is ignored


@pytest.fixture
async def producer(launch: Launcher, client: Client, prefix: str) -> PatientProducer:
    """A producer whose stream the ingest has made."""
    launch.ingest(INGEST__BATCH_SIZE="200")
    made = PatientProducer(client.jetstream(timeout=10), prefix, patience=90)
    await eventually(lambda: found(made), "the stream is there", timeout=60)
    return made


async def test_the_death_of_the_leader_loses_and_doubles_nothing(
    producer: PatientProducer, cluster: NatsCluster, sendoff_database: str
) -> None:
    publishing = asyncio.create_task(producer.publish_all(range(MESSAGES)))
    await half_way(producer)
    info = await found(producer)
    assert info is not None
    assert info.config.num_replicas == 3
    assert info.cluster is not None
    leader = cluster.node(info.cluster.leader or "")
    leader.end()
    await publishing
    leader.start()
    await all_are_stored_once(producer, sendoff_database)


async def test_the_death_of_all_nodes_at_once_loses_and_doubles_nothing(
    producer: PatientProducer, cluster: NatsCluster, sendoff_database: str
) -> None:
    publishing = asyncio.create_task(producer.publish_all(range(MESSAGES)))
    await half_way(producer)
    for node in cluster.nodes:
        node.end()
    for node in cluster.nodes:
        node.start()
    await publishing
    await all_are_stored_once(producer, sendoff_database)


async def half_way(producer: PatientProducer) -> None:
    """Wait until half of all messages are acknowledged."""
    await eventually(lambda: len(producer.acknowledged) > MESSAGES // 2, "half is acknowledged", timeout=120)


async def all_are_stored_once(producer: PatientProducer, database: str) -> None:
    """Wait until the stream is empty; then every message is in PostgreSQL, once."""

    async def empty() -> bool:
        info = await found(producer)
        return info is not None and info.state.messages == 0

    await eventually(empty, "the stream is empty", timeout=120, every=0.2)
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT recipient, count(*) FROM messages GROUP BY recipient").fetchall()
    assert dict(rows) == {f"to-{number}": 1 for number in range(MESSAGES)}
    assert len(producer.acknowledged) == MESSAGES
    print(f"{MESSAGES} messages, the producer was told: {dict(producer.answers)}")


async def found(producer: PatientProducer) -> StreamInfo | None:
    """What NATS says of the stream; None while it says nothing."""
    with contextlib.suppress(Error, TimeoutError):
        return await producer.jetstream.stream_info(ingest_stream_name(producer.prefix))
    return None
