"""A stream with three replicas: what it has acknowledged survives its leader, and a crash of all nodes at once."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import StreamConfig

from support.nats_cluster import NatsCluster, running_nats_cluster
from support.waiting import eventually

PUBLISHERS, OF_EACH = 10, 200
TOTAL = PUBLISHERS * OF_EACH
#: How long a publisher goes on with one message (seconds); a new leader is there after about five.
PATIENCE = 60.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NatsCluster]:
    with running_nats_cluster(tmp_path) as running:
        yield running


@pytest.fixture
async def client(cluster: NatsCluster) -> AsyncIterator[Client]:
    async def ignore(_: Exception) -> None:
        """Nodes that are away are what these tests are about."""

    servers = cluster.url.split(",")
    connected = await nats.connect(
        servers, reconnect_time_wait=0.1, max_reconnect_attempts=-1, connect_timeout=5, error_cb=ignore
    )
    yield connected
    await connected.close()


async def publish(stream: JetStreamContext, message_id: str) -> None:
    """Publish under this id until it is acknowledged."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(Error, TimeoutError):
            await stream.publish("test.ingest", b"x", timeout=2, headers={"Nats-Msg-Id": message_id})
            return
        assert time.monotonic() < deadline, f"{message_id} was not acknowledged"
        await asyncio.sleep(0.1)


async def publish_all(client: Client, acknowledged: set[str]) -> None:
    """Each publisher sends its messages one after the other."""
    stream = client.jetstream()

    async def publisher(number: int) -> None:
        for index in range(OF_EACH):
            await publish(stream, f"{number}-{index}")
            acknowledged.add(f"{number}-{index}")

    await asyncio.gather(*(publisher(number) for number in range(PUBLISHERS)))


async def stored(client: Client) -> Counter[str]:
    """How often the stream holds each id."""
    subscription = await client.jetstream().subscribe("test.ingest", ordered_consumer=True)
    info = await client.jetstream().stream_info("TEST")
    messages = [await subscription.next_msg(timeout=30) for _ in range(info.state.messages)]
    await subscription.unsubscribe()
    return Counter(str((message.headers or {})["Nats-Msg-Id"]) for message in messages)


async def add_stream(client: Client) -> None:
    config = StreamConfig(name="TEST", subjects=["test.ingest"], num_replicas=3, duplicate_window=600)
    await client.jetstream().add_stream(config)


async def leader_of(client: Client) -> str:
    info = await client.jetstream().stream_info("TEST")
    assert info.cluster is not None
    return str(info.cluster.leader)


@pytest.mark.timeout(180)
async def test_the_death_of_a_leader_loses_and_doubles_nothing(cluster: NatsCluster, client: Client) -> None:
    await add_stream(client)
    acknowledged = set[str]()
    publishing = asyncio.create_task(publish_all(client, acknowledged))
    await eventually(lambda: len(acknowledged) > TOTAL // 4, "a quarter is acknowledged", timeout=60)
    first = await leader_of(client)
    cluster.node(first).end()
    await publishing
    assert await leader_of(client) != first
    assert await stored(client) == Counter(acknowledged)
    assert len(acknowledged) == TOTAL
    cluster.node(first).start()
    cluster.wait_until_healthy()


@pytest.mark.timeout(180)
async def test_a_crash_of_all_three_nodes_at_once_loses_and_doubles_nothing(
    cluster: NatsCluster, client: Client
) -> None:
    await add_stream(client)
    acknowledged = set[str]()
    publishing = asyncio.create_task(publish_all(client, acknowledged))
    await eventually(lambda: len(acknowledged) > TOTAL // 4, "a quarter is acknowledged", timeout=60)
    for node in cluster.nodes:
        node.end()
    for node in cluster.nodes:
        node.start()
    await publishing
    assert await stored(client) == Counter(acknowledged)
    assert len(acknowledged) == TOTAL
