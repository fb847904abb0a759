"""The database goes back to what it was: the publisher goes on, and the log says what can't be known."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.backups import Backup
from support.client import Client
from support.databases import prepare
from support.event_log import SMALL_STREAMS, EventLog, open_event_log
from support.instances import Launcher, Process, launcher
from support.own_servers import OwnServers
from support.receiver import Receiver
from support.servers import RedisUrls, open_folder
from support.waiting import eventually
from support.whole_sendoff import environment_of, free_port

#: Messages before the backup, those that are stored then and sent after it, and those that only the lost time knew.
BEFORE, STRADDLING, LOST, AFTER = 50, 20, 40, 30
#: How long after their acceptance messages are due that are sent after the backup (seconds).
LATER = 6


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as opened:
        yield opened


@pytest.fixture
def postgres(folder: Path) -> Iterator[OwnServers]:
    own = OwnServers(folder / "data", ["postgres"])
    own.start()
    asyncio.run(prepare(own.addresses["postgres"]))
    yield own
    own.stop()


@pytest.fixture
def launch(
    tmp_path: Path, postgres: OwnServers, redis_urls: RedisUrls, nats_url: str, receiver: Receiver, prefix: str
) -> Iterator[Launcher]:
    environment = environment_of(
        postgres.addresses["postgres"], redis_urls.broker, redis_urls.cache, nats_url, receiver
    )
    environment |= {f"SENDOFF_{key}": value for key, value in SMALL_STREAMS.items()}
    environment |= {"SENDOFF_EVENTS__ENABLED": "true", "SENDOFF_CONTROL__PREFIX": prefix}
    with launcher(tmp_path, environment) as started:
        yield started


@pytest.fixture
async def events(launch: Launcher, nats_url: str, prefix: str) -> AsyncIterator[EventLog]:
    async with open_event_log(nats_url, prefix) as opened:
        yield opened
        stop_all(launch)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("recovered", "said"),
    [
        (True, "the database was restored, or a standby was promoted"),
        (False, "the database does not know the last event that was published"),
    ],
    ids=["from an archive", "from a snapshot"],
)
async def test_a_publisher_goes_on_after_a_restore_and_says_what_it_cannot_know(
    launch: Launcher, events: EventLog, postgres: OwnServers, folder: Path, recovered: bool, said: str
) -> None:
    _, api = start(launch, "one")
    await eventually(events.exist, "the streams are there")
    send(api, "before", BEFORE)
    await events.holds(BEFORE)
    send(api, "straddling", STRADDLING, timedelta(seconds=LATER))
    backup = await asyncio.to_thread(Backup, postgres.addresses["postgres"], folder)
    lost = send(api, "lost", LOST)
    await events.holds(BEFORE + LOST + STRADDLING, timeout=60)
    stop_all(launch)
    postgres.stop()

    with backup.restored(recovered=recovered) as url:
        launch.environment["SENDOFF_POSTGRES__URL"] = url
        ingest, api = start(launch, "two")
        await eventually(lambda: said in ingest.log.read_text(), f"the log says: {said}")
        send(api, "after", AFTER)
        await events.holds(BEFORE + LOST + STRADDLING + AFTER, timeout=60)
        await eventually(
            lambda: events.arrivals >= BEFORE + LOST + 2 * STRADDLING + AFTER, "what happened again is told again"
        )
        stop_all(launch)
    kept = [event["id"] for event in await events.kept()]
    assert len(kept) == len(set(kept)) == BEFORE + LOST + STRADDLING + AFTER
    assert all(history == ["0:1:sent"] for history in events.histories().values())
    assert set(lost) <= set(events.histories())


def start(launch: Launcher, name: str) -> tuple[Process, Client]:
    """Start a whole Sendoff; its publisher, and a client of its API."""
    port = free_port()
    ingest = launch.ingest(name)
    launch.worker(name)
    launch.api(port, name)
    return ingest, Client(f"http://127.0.0.1:{port}")


def stop_all(launch: Launcher) -> None:
    for process in launch.processes:
        if process.alive:
            process.stop()


def send(api: Client, content: str, count: int, delay: timedelta = timedelta(0)) -> list[str]:
    """Accept messages; their ids."""
    at = {"deliverAt": (datetime.now(UTC) + delay).isoformat()} if delay else {}
    answer = api.call("POST", "/v1/messages/batch", [{"to": "x", "content": content, **at} for _ in range(count)])
    assert answer.status == 202, answer
    return [item["id"] for item in answer.body["data"]]
