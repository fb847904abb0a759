"""An ingest process that is killed at any moment, and a PostgreSQL that is away, lose nothing and double nothing.

INGEST_KILLS and INGEST_MESSAGES make the first test as long as one likes.
"""

import asyncio
import os
import random

import psutil
import pytest

from sendoff_ingest.streams import ACK_WAIT
from support.instances import Launcher
from support.producer import Producer
from support.proxy import open_proxy
from support.waiting import eventually

KILLS = int(os.environ.get("INGEST_KILLS", "3"))
MESSAGES = int(os.environ.get("INGEST_MESSAGES", "6000"))
_AT_A_TIME = 50
_MIB = 2**20


async def publish_all(producer: Producer, first: int, count: int) -> None:
    """Publish so many, half of them with a key; each of them is acknowledged by the stream."""
    for start in range(first, first + count, _AT_A_TIME):
        numbers = range(start, min(start + _AT_A_TIME, first + count))
        await asyncio.gather(*(publish_one(producer, number) for number in numbers))


async def publish_one(producer: Producer, number: int) -> None:
    body = {"to": f"to-{number}", "content": number}
    await (producer.publish(body, Idempotency_Key=f"key-{number}") if number % 2 else producer.publish(body))


@pytest.mark.timeout(120 + 20 * KILLS + MESSAGES // 100)
async def test_processes_that_are_killed_at_any_moment_lose_and_double_nothing(
    launch: Launcher, producer: Producer
) -> None:
    held = str(400 * (KILLS + 2))  # what the dead held until its time runs out must not keep the living from working
    launch.environment |= {"SENDOFF_INGEST__BATCH_SIZE": "200", "SENDOFF_INGEST__MAX_ACK_PENDING": held}
    ingest = launch.ingest()
    await producer.streams_exist()
    publishing = asyncio.create_task(publish_all(producer, 0, MESSAGES))
    for kill in range(KILLS):
        moment = random.randint(kill * MESSAGES // (2 * KILLS), (kill + 1) * MESSAGES // (2 * KILLS))

        async def reached(moment: int = moment) -> bool:
            return (await producer.stored()).total() > moment

        await eventually(reached, f"{moment} messages are stored", timeout=60, every=random.uniform(0.001, 0.02))
        ingest.kill()
        ingest = launch.ingest()
    await publishing
    await producer.all_taken(timeout=60 + 2 * ACK_WAIT)
    assert await producer.stored() == {f"to-{number}": 1 for number in range(MESSAGES)}
    assert await producer.rejections() == []


async def test_a_postgresql_that_is_away_is_waited_for_while_the_stream_fills(
    launch: Launcher, producer: Producer, sendoff_database: str
) -> None:
    async with open_proxy(sendoff_database) as proxy:
        ingest = launch.ingest(POSTGRES__URL=proxy.url, INGEST__BATCH_SIZE="200")
        await producer.streams_exist()
        await publish_all(producer, 0, 500)
        await producer.all_taken()
        before = psutil.Process(ingest.popen.pid).memory_info().rss

        await proxy.cut()
        await publish_all(producer, 500, 3_000)
        await eventually(
            lambda: ingest.log.read_text().count("PostgreSQL takes no messages") >= 2, "it tries again", timeout=40
        )
        assert (await producer.stream()).state.messages == 3_000
        assert psutil.Process(ingest.popen.pid).memory_info().rss < before + 40 * _MIB

        proxy.restore()
        await producer.all_taken()
        assert ingest.stop() == 0
    assert await producer.stored() == {f"to-{number}": 1 for number in range(3_500)}


async def test_a_process_that_is_to_end_while_postgresql_is_away_gives_everything_back(
    launch: Launcher, producer: Producer, sendoff_database: str
) -> None:
    async with open_proxy(sendoff_database) as proxy:
        ingest = launch.ingest(POSTGRES__URL=proxy.url)
        await producer.streams_exist()
        await publish_all(producer, 0, 10)
        await producer.all_taken()
        await proxy.cut()
        await publish_all(producer, 10, 10)
        await eventually(lambda: "PostgreSQL takes no messages" in ingest.tail(), "it cannot store them", timeout=40)
        assert ingest.stop() == 0
    launch.ingest()
    await producer.all_taken(timeout=ACK_WAIT - 1)  # at once, not after the time that a dead process takes
    assert await producer.stored() == {f"to-{number}": 1 for number in range(20)}


async def test_a_nats_that_is_away_for_a_moment_is_found_again(
    launch: Launcher, producer: Producer, nats_url: str
) -> None:
    async with open_proxy(nats_url) as proxy:
        ingest = launch.ingest(NATS__URL=proxy.url, INGEST__BATCH_SIZE="50")
        await producer.streams_exist()
        publishing = asyncio.create_task(publish_all(producer, 0, 2_000))

        async def begun() -> bool:
            return (await producer.stored()).total() > 0

        await eventually(begun, "messages are stored")
        await proxy.cut()
        await publishing
        proxy.restore()
        await producer.all_taken(timeout=30 + 2 * ACK_WAIT)
        assert ingest.stop() == 0
    assert await producer.stored() == {f"to-{number}": 1 for number in range(2_000)}
