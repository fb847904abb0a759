"""A stream with three replicas: what it has acknowledged survives its leader, and a crash of all nodes at once."""

import asyncio
import contextlib
import gc
import json
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

from sendoff_config.ingest_settings import IngestSettings, RejectedSettings
from sendoff_domain.stream_names import ingest_stream_name
from sendoff_ingest.streams import ensure_streams
from support.command_line import COMMAND, clean_environment
from support.nats_cluster import NatsCluster, running_nats_cluster
from support.waiting import eventually

PUBLISHERS, OF_EACH = 10, 200
TOTAL = PUBLISHERS * OF_EACH
#: How long a publisher goes on with one message (seconds); a new leader is there after about five.
PATIENCE = 60.0
#: nats-py forgets connections to nodes that go away while it connects.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


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
    gc.collect()  # while that is ignored


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
    subscription = await client.jetstream(timeout=30).subscribe("test.ingest", ordered_consumer=True)
    info = await client.jetstream(timeout=30).stream_info("TEST")
    messages = [await subscription.next_msg(timeout=30) for _ in range(info.state.messages)]
    await subscription.unsubscribe()
    return Counter(str((message.headers or {})["Nats-Msg-Id"]) for message in messages)


async def add_stream(client: Client) -> None:
    config = StreamConfig(name="TEST", subjects=["test.ingest"], num_replicas=3, duplicate_window=600)
    await client.jetstream(timeout=30).add_stream(config)


async def healthy(cluster: NatsCluster) -> None:
    """Wait until all nodes are up to date, without holding up the client's own loop."""
    await asyncio.to_thread(cluster.wait_until_healthy)


async def leader_of(client: Client) -> str:
    info = await client.jetstream(timeout=30).stream_info("TEST")
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
    cluster.node(first).start()
    await healthy(cluster)
    assert await stored(client) == Counter(acknowledged)
    assert len(acknowledged) == TOTAL


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
    await healthy(cluster)
    assert await stored(client) == Counter(acknowledged)
    assert len(acknowledged) == TOTAL


@pytest.mark.timeout(180)
async def test_the_command_goes_on_through_the_death_of_a_leader(
    cluster: NatsCluster, client: Client, tmp_path: Path
) -> None:
    total, prefix = 20_000, "chaos"
    settings = IngestSettings(max_bytes=64 * 2**20, rejected=RejectedSettings(max_bytes=2**20), replicas=3)
    await ensure_streams(client.jetstream(timeout=30), prefix, settings)
    lines = tmp_path / "lines"
    lines.write_text("".join(f'{{"to": "n{number}", "content": 1}}\n' for number in range(total)))
    environment = clean_environment({"SENDOFF_NATS__URL": cluster.url, "SENDOFF_CONTROL__PREFIX": prefix})
    with lines.open("rb") as stdin:
        publishing = await asyncio.create_subprocess_exec(
            *COMMAND, "publish", "--json", cwd=tmp_path, env=environment, stdin=stdin, stdout=asyncio.subprocess.PIPE
        )

    async def many() -> str | None:
        info = await client.jetstream(timeout=30).stream_info(ingest_stream_name(prefix))
        assert info.cluster is not None
        return str(info.cluster.leader) if info.state.messages > total // 10 else None

    cluster.node(await eventually(many, "a tenth is in the stream", timeout=60)).end()
    said, _ = await publishing.communicate()
    assert publishing.returncode == 0
    summary = json.loads(said)
    assert summary["published"] + summary["repeated"] == total
    info = await client.jetstream(timeout=30).stream_info(ingest_stream_name(prefix))
    assert info.state.messages == total
