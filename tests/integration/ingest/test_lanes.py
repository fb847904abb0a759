"""A customer that floods the stream gets a lane of its own; nobody else waits behind it, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from nats.js.errors import NotFoundError

from sendoff_config.ingest_settings import IngestSettings, RejectedSettings
from sendoff_config.settings import PostgresSettings
from sendoff_db.pool import open_pool
from sendoff_domain.stream_names import ingest_stream_name, ingest_subject
from sendoff_ingest import lane_keeper
from sendoff_ingest.lane_keeper import LaneKeeper
from sendoff_ingest.lanes import Lanes, own_lane
from sendoff_ingest.streams import CONSUMER, GROUPS, ensure_streams
from support.client import Client
from support.instances import Launcher
from support.producer import Producer
from support.receiver import Receiver
from support.waiting import eventually
from support.whole_sendoff import add_customer

SETTINGS = IngestSettings(max_bytes=2**26, rejected=RejectedSettings(max_bytes=2**20), max_ack_pending=1_000)
APART = "gets a lane of its own"


async def test_messages_of_others_overtake_a_flood(
    launch: Launcher, producer: Producer, api: Client, receiver: Receiver, sendoff_database: str
) -> None:
    add_customer(api, receiver, "flooding")
    await ensure_streams(producer.jetstream, producer.prefix, SETTINGS)
    for number in range(1_000):
        await producer.publish({"to": "slow", "content": number}, customer="flooding")
    async with slow_recipient(sendoff_database):
        ingest = launch.ingest(INGEST__BATCH_SIZE="20")
        await eventually(lambda: APART in ingest.tail(), "the flood is apart")
        await producer.publish({"to": "quick", "content": 1})

        async def overtaken() -> bool:
            return (await producer.stored())["quick"] == 1

        await eventually(overtaken, "the message of the other is stored")
        assert (await producer.stream()).state.messages > 0
    await producer.all_taken()
    assert await producer.stored() == {"slow": 1_000, "quick": 1}


@asynccontextmanager
async def slow_recipient(database: str) -> AsyncIterator[None]:
    """Within the block the database takes ten milliseconds for each message to `slow`."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        slow = "CHECK (recipient <> 'slow' OR pg_sleep(0.01)::text IS NOT NULL)"
        await connection.execute(f"ALTER TABLE messages ADD CONSTRAINT slow {slow}".encode())
        yield
        await connection.execute(b"ALTER TABLE messages DROP CONSTRAINT slow")


@pytest.fixture
async def lanes(producer: Producer) -> Lanes:
    """The lanes of a stream that no ingest serves."""
    await ensure_streams(producer.jetstream, producer.prefix, SETTINGS)
    made = Lanes(producer.jetstream, producer.prefix, SETTINGS)
    await made.ensure()
    return made


async def shared_groups(producer: Producer) -> set[int]:
    """The groups in the shared lane."""
    config = (await producer.jetstream.consumer_info(ingest_stream_name(producer.prefix), CONSUMER)).config
    tokens = [subject.split(".")[-2] for subject in config.filter_subjects or ()]
    return {int(token) for token in tokens if token.isdigit()}


async def take(producer: Producer, consumer: str, count: int) -> list[str]:
    """Take so many messages from a lane; their bodies."""
    pull = await producer.jetstream.pull_subscribe_bind(consumer, ingest_stream_name(producer.prefix))
    found: list[str] = []
    while len(found) < count:
        for message in await pull.fetch(count - len(found), timeout=5):
            await message.ack_sync()
            found.append(message.data.decode())
    await pull.unsubscribe()
    return found


async def group_with_messages(lanes: Lanes) -> int:
    """The group of the only customer that has messages waiting."""
    (group,) = await lanes.waiting()
    return group


async def test_a_group_that_leaves_takes_its_messages_along(lanes: Lanes, producer: Producer) -> None:
    await producer.publish(b"flood 1", customer="flooding")
    group = await group_with_messages(lanes)
    await lanes.split(group)
    assert await shared_groups(producer) == set(range(GROUPS)) - {group}
    await producer.publish(b"flood 2", customer="flooding")
    await producer.publish(b"other", customer="other")
    assert await take(producer, CONSUMER, 1) == ["other"]
    assert await take(producer, own_lane(group), 2) == ["flood 1", "flood 2"]
    assert set(await lanes.apart()) == {group}


async def test_a_group_comes_back_once_nothing_of_it_is_left(lanes: Lanes, producer: Producer) -> None:
    await producer.publish(b"flood 1", customer="flooding")
    group = await group_with_messages(lanes)
    await lanes.split(group)
    await producer.publish(b"other", customer="other")
    await take(producer, CONSUMER, 1)  # the shared lane has passed the one that waits
    await lanes.join(group)
    assert set(await lanes.apart()) == {group}
    assert await take(producer, own_lane(group), 1) == ["flood 1"]
    await lanes.join(group)
    await lanes.join(group)  # a second process that thought the same
    assert await lanes.apart() == {}
    await producer.publish(b"flood 2", customer="flooding")
    assert await take(producer, CONSUMER, 1) == ["flood 2"]


async def test_a_group_that_a_dead_process_left_in_no_lane_gets_its_own(lanes: Lanes, producer: Producer) -> None:
    await producer.publish(b"flood 1", customer="flooding")
    group = await group_with_messages(lanes)
    await lanes.split(group)
    await producer.jetstream.delete_consumer(ingest_stream_name(producer.prefix), own_lane(group))
    await lanes.ensure()
    assert await take(producer, own_lane(group), 1) == ["flood 1"]


class HalfwayOnce(Lanes):
    """Lanes whose first return of a group fails when its own lane is gone, since NATS does not answer in time."""

    has_failed = False

    async def join(self, group: int) -> None:
        if self.has_failed:
            await super().join(group)
            return
        self.has_failed = True
        await self._jetstream.delete_consumer(self._stream, own_lane(group))
        raise TimeoutError


async def test_a_group_whose_return_fails_halfway_is_not_left_without_a_lane(
    lanes: Lanes, producer: Producer, sendoff_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_keeper, "_CALM", 0.0)
    await lanes.split(7)

    async def serve(_: str) -> None:
        """Nothing comes on it."""

    async def is_back() -> bool:
        return 7 in await shared_groups(producer)

    halfway = HalfwayOnce(producer.jetstream, producer.prefix, SETTINGS)
    async with open_pool(PostgresSettings(url=sendoff_database), "test") as pool:
        keeping = asyncio.create_task(LaneKeeper(halfway, pool, serve, 10).run())
        await eventually(is_back, "the group is back in the shared lane", timeout=20)
        keeping.cancel()
        await asyncio.wait({keeping})
    assert halfway.has_failed


async def test_a_group_that_leaves_waits_for_what_is_under_way(lanes: Lanes, producer: Producer) -> None:
    await producer.publish(b"flood 1", customer="flooding")
    group = await group_with_messages(lanes)
    pull = await producer.jetstream.pull_subscribe_bind(CONSUMER, ingest_stream_name(producer.prefix))
    (message,) = await pull.fetch(1)
    leaving = asyncio.create_task(lanes.split(group))

    async def left() -> bool:
        return group not in await shared_groups(producer)

    await eventually(left, "the group has left the shared lane", every=0.01)
    await message.ack_sync()
    await leaving
    await pull.unsubscribe()
    assert (await producer.stream()).state.messages == 0


async def test_the_limits_of_all_lanes_follow_the_settings(lanes: Lanes, producer: Producer) -> None:
    await lanes.split(7)
    changed = SETTINGS.model_copy(update={"max_ack_pending": 5_000})
    await Lanes(producer.jetstream, producer.prefix, changed).ensure()
    infos = await producer.jetstream.consumers_info(ingest_stream_name(producer.prefix))
    assert {info.name: info.config.max_ack_pending for info in infos} == {CONSUMER: 5_000, own_lane(7): 5_000}
    assert await shared_groups(producer) == set(range(GROUPS)) - {7}


async def test_a_quota_counts_a_customer_and_not_its_group(producer: Producer) -> None:
    settings = SETTINGS.model_copy(update={"per_customer": 1})
    info = await ensure_streams(producer.jetstream, producer.prefix, settings)
    for number in range(2 * GROUPS):  # some of them share a group
        await producer.jetstream.publish(ingest_subject(producer.prefix, f"customer-{number}"), b"1")
    assert (await producer.stream()).state.messages == 2 * GROUPS
    with pytest.raises(NotFoundError):
        await producer.jetstream.consumer_info(info.config.name or "", CONSUMER)
