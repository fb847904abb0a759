"""PostgreSQL is killed and stays away while messages are published: none is lost or doubled, and none piles up.

INGEST_MESSAGES and AWAY_SECONDS make it as long as one likes.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from sendoff_domain.stream_names import ingest_stream_name
from support.databases import prepare
from support.instances import Launcher, Process, launcher
from support.own_servers import OwnServers
from support.patient_producer import PatientProducer
from support.producer import SMALL_STREAMS, Producer, open_producer
from support.receiver import Receiver
from support.servers import RedisUrls, open_folder
from support.waiting import eventually
from support.whole_sendoff import environment_of

MESSAGES = int(os.environ.get("INGEST_MESSAGES", "6000"))
AWAY = float(os.environ.get("AWAY_SECONDS", "4"))
#: What the stream keeps of the customer, and what processes may hold of one lane.
ROOM, HELD = MESSAGES // 4, 400
#: What the process may grow by while it waits (MiB): a batch in memory is a small part of it.
GROWTH = 30
_MIB = 2**20


@pytest.fixture
def postgres() -> Iterator[OwnServers]:
    with open_folder() as folder:
        own = OwnServers(folder / "data", ["postgres"])
        own.start()
        yield own
        own.stop()


@pytest.fixture
def launch(
    tmp_path: Path, postgres: OwnServers, redis_urls: RedisUrls, nats_url: str, receiver: Receiver, prefix: str
) -> Iterator[Launcher]:
    url = postgres.addresses["postgres"]
    asyncio.run(prepare(url))
    environment = environment_of(url, redis_urls.broker, redis_urls.cache, nats_url, receiver)
    environment |= {f"SENDOFF_{key}": value for key, value in SMALL_STREAMS.items()}
    with launcher(tmp_path, {**environment, "SENDOFF_CONTROL__PREFIX": prefix}) as started:
        yield started


@pytest.fixture
async def producer(launch: Launcher, postgres: OwnServers, nats_url: str, prefix: str) -> AsyncIterator[Producer]:
    async with open_producer(nats_url, prefix, postgres.addresses["postgres"]) as opened:
        yield opened
        for process in launch.processes:
            if process.alive:
                process.stop()


@pytest.mark.timeout(180 + 3 * AWAY + MESSAGES // 100)
async def test_a_postgresql_that_is_killed_and_stays_away_loses_and_doubles_nothing(
    launch: Launcher, producer: Producer, postgres: OwnServers
) -> None:
    ingest = launch.ingest(INGEST__BATCH_SIZE="200", INGEST__MAX_ACK_PENDING=str(HELD), INGEST__PER_CUSTOMER=str(ROOM))
    await producer.streams_exist()
    patient = PatientProducer(producer.jetstream, producer.prefix, patience=60 + 3 * AWAY)
    publishing = asyncio.create_task(patient.publish_all(range(MESSAGES)))
    await eventually(lambda: len(patient.acknowledged) > MESSAGES // 4, "a quarter is acknowledged", timeout=60)
    await crash(postgres)
    told = patient.answers.total()
    before = memory(ingest)
    sizes = [before]
    for _ in range(10):
        await asyncio.sleep(AWAY / 10)
        sizes.append(memory(ingest))
        lanes = await producer.jetstream.consumers_info(ingest_stream_name(producer.prefix))
        assert all((lane.num_ack_pending or 0) <= HELD for lane in lanes)
    assert (await producer.stream()).state.messages == ROOM
    assert patient.answers.total() > told
    assert set(patient.answers) == {"maximum messages per subject exceeded"}
    assert max(sizes) < before + GROWTH * _MIB
    postgres.start()  # which only the main thread may do
    await publishing
    await producer.all_taken(timeout=90)
    assert len(patient.acknowledged) == MESSAGES
    assert await producer.stored() == {f"to-{number}": 1 for number in range(MESSAGES)}
    assert await producer.rejections() == []
    print(
        f"{MESSAGES} messages, PostgreSQL away for {AWAY:g} s: {patient.answers.total()} refusals,"
        f" memory {before / _MIB:.1f} MiB before, at most {max(sizes) / _MIB:.1f} meanwhile,"
        f" {memory(ingest) / _MIB:.1f} after"
    )


async def crash(postgres: OwnServers) -> None:
    """SIGKILL PostgreSQL, and take away what is left of it."""
    postgres.crash("postgres")
    await asyncio.to_thread(postgres.stop)


def memory(process: Process) -> int:
    """What a process has of the memory, in bytes."""
    return int(psutil.Process(process.popen.pid).memory_info().rss)
