"""Partitions that come and go while messages flow: nobody notices."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import aiohttp
import psycopg
import pytest

from sendoff_config.settings import PartitionSettings, Settings
from sendoff_db.migrator import migrate
from sendoff_db.partitions import TABLES, list_partitions, make_partition, make_partitions
from sendoff_db.pool import Connection
from sendoff_db.retention import drop_expired
from sendoff_domain.ids import hex_uuid7
from support.instances import Launcher, launcher
from support.receiver import Receiver
from support.seeding import seed
from support.servers import RedisUrls
from support.waiting import eventually
from support.whole_sendoff import environment_of, free_port

#: The load lasts longer than the bound.
RATE, SECONDS, WARM_UP = 150, 6, 150
#: Far more than it takes, since machines that run tests are busy; a lock that is waited for in vain is longer.
BOUND = 5.0
HOUR, RETENTION = timedelta(hours=1), timedelta(days=30)
OLD = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=60)
RECENT = OLD + timedelta(days=20)
ROWS = 3000

FILL = {
    "messages": "INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, created_at)"
    " SELECT id, 'default', 'a', '{}', %(at)s, %(at)s FROM unnest(%(ids)s::uuid[]) AS id",
    "deliveries": "INSERT INTO deliveries SELECT id, 'default', 0, 1, 1, %(at)s, %(at)s, %(at)s, 200, 1, NULL"
    " FROM unnest(%(ids)s::uuid[]) AS id",
    "attempts": "INSERT INTO attempts SELECT id, 0, 1, 1, %(at)s, 1, 500, 'status', 'x', ''"
    " FROM unnest(%(ids)s::uuid[]) AS id",
}


@dataclass
class Accepting:
    """What the API answered: ids, failures, and how long each answer took (seconds)."""

    ids: list[str] = field(default_factory=list)
    failures: list[object] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    async def send(self, session: aiohttp.ClientSession, number: int) -> None:
        """One message."""
        started = time.monotonic()
        async with session.post("/v1/messages", json={"to": f"to-{number}", "content": number}) as answer:
            document = await answer.json()
        self.took.append(time.monotonic() - started)
        if answer.status == 202:
            self.ids.append(document["id"])
        else:
            self.failures.append(document)

    async def send_steadily(self, url: str, count: int) -> None:
        """So many messages, each at its time however long others take."""
        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession(url) as session, asyncio.TaskGroup() as group:
            started = loop.time()
            for number in range(count):
                await asyncio.sleep(started + number / RATE - loop.time())
                group.create_task(self.send(session, number))


#: So often at least, however slow the machine is.
TURNS = 3


@dataclass
class CleaningUp:
    """What the DeadLetterer does every five minutes, again and again."""

    turns: int = 0
    made: int = 0
    dropped: list[str] = field(default_factory=list)

    async def turn(self, connection: Connection) -> None:
        """Old partitions full of delivered messages appear; new ones are made, the old ones dropped."""
        start = OLD + self.turns * HOUR
        ids = [UUID(hex=hex_uuid7(int(start.timestamp() * 1000), number.to_bytes(10))) for number in range(ROWS)]
        for table in TABLES:
            while not await self._filled(connection, table, start, ids):
                pass  # a worker that had just begun to clean up dropped it while it was empty
        self.turns += 1
        self.made += await make_partitions(connection, "hour", 3 + self.turns, datetime.now(UTC))
        self.dropped += (await drop_expired(connection, RETENTION)).partitions

    async def _filled(self, connection: Connection, table: str, start: datetime, ids: list[UUID]) -> bool:
        await make_partition(connection, table, start, start + HOUR)
        try:
            await connection.execute(FILL[table].encode(), {"ids": ids, "at": start})
        except psycopg.errors.CheckViolation:
            return False
        return True

    async def is_clean(self, connection: Connection) -> bool:
        """Drop what is left, and tell whether nothing is."""
        self.dropped += (await drop_expired(connection, RETENTION)).partitions
        old = [part for table in TABLES for part in await list_partitions(connection, table) if part.start < RECENT]
        return old == []

    async def go_on(self, connection: Connection, until: asyncio.Event) -> None:
        """One turn after the other; a cancellation could meet a lock that is not had, and psycopg closes then."""
        while not until.is_set() or self.turns < TURNS:
            await self.turn(connection)


@pytest.fixture
async def hourly(database: str) -> AsyncIterator[Connection]:
    """A connection to a database with Sendoff's schema in it, and partitions by the hour."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await migrate(connection)
        await seed(connection, Settings(partitions=PartitionSettings(every="hour")))
        yield connection


@pytest.fixture
def launch(
    tmp_path: Path,
    database: str,
    redis_urls: RedisUrls,
    nats_url: str,
    receiver: Receiver,
    prefix: str,
    hourly: Connection,
) -> Iterator[Launcher]:
    environment = environment_of(database, redis_urls.broker, redis_urls.cache, nats_url, receiver)
    more = {"SENDOFF_CONTROL__PREFIX": prefix, "SENDOFF_PARTITIONS__EVERY": "hour"}
    with launcher(tmp_path, environment | more) as started:
        yield started


@asynccontextmanager
async def reading(database: str) -> AsyncIterator[None]:
    """Somebody reads all messages in transactions longer than the bound, one after the other."""

    async def read() -> None:
        async with await psycopg.AsyncConnection.connect(database) as connection:
            while True:
                for table in TABLES:
                    await connection.execute(f"SELECT count(*) FROM {table}".encode())
                await connection.execute("SELECT pg_sleep(8)")
                await connection.rollback()

    reader = asyncio.create_task(read())
    try:
        yield
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


def longest_gap(moments: Sequence[float]) -> float:
    return max(later - earlier for earlier, later in itertools.pairwise(sorted(moments)))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("readers", ["none", "a slow one"])
async def test_partitions_that_come_and_go_under_load_lose_repeat_and_hold_up_nothing(
    readers: str,
    launch: Launcher,
    receiver: Receiver,
    hourly: Connection,
    database: str,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    url = await asyncio.to_thread(started, launch)
    warm_up, accepting, cleaning = Accepting(), Accepting(), CleaningUp()
    await warm_up.send_steadily(url, WARM_UP)
    await eventually(lambda: len(receiver.ids()) == WARM_UP, "everything has started", timeout=60)
    async with reading(database) if readers == "a slow one" else nullcontext():
        is_over = asyncio.Event()
        cleaner = asyncio.create_task(cleaning.go_on(hourly, is_over))
        await accepting.send_steadily(url, RATE * SECONDS)
        is_over.set()
        await cleaner
    await eventually(lambda: len(receiver.received) >= WARM_UP + RATE * SECONDS, "every message arrived")

    gap = longest_gap([one.arrived_at for one in receiver.received[WARM_UP:]])
    for name, value in (("longest gap", gap), ("slowest accept", max(accepting.took)), ("turns", cleaning.turns)):
        record_testsuite_property(f"{name}, readers: {readers}", round(value, 3))
    assert (warm_up.failures, accepting.failures) == ([], [])
    assert receiver.ids() == dict.fromkeys(warm_up.ids + accepting.ids, 1)
    await eventually(lambda: cleaning.is_clean(hourly), "what somebody was reading is dropped as soon as nobody is")
    assert gap < BOUND
    assert max(accepting.took) < BOUND


def started(launch: Launcher) -> str:
    """Two workers and an API process, which is at the address that is returned."""
    port = free_port()
    launch.instance("a", processes=2)
    launch.api(port)
    return f"http://127.0.0.1:{port}"
