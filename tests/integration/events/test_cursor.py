"""The cursor: where it begins, what it may not pass, and what it does after the database was moved or restored."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from structlog.testing import capture_logs

from sendoff_config.settings import PostgresSettings
from sendoff_db.pool import Connection, Pool, open_pool
from sendoff_db.sql import run
from sendoff_domain.events import Event
from sendoff_domain.ids import first_uuid_at
from sendoff_ingest.events.cursor import Place, advance, read_events, release, start_recording, take_turn
from support.kept_plans import kept_plans
from support.waiting import eventually

NOW = datetime.now(UTC)


def message(number: int) -> UUID:
    """The id of a message."""
    return UUID(int=first_uuid_at(NOW).int + number)


@pytest.fixture
async def pool(sendoff_database: str) -> AsyncIterator[Pool]:
    async with open_pool(PostgresSettings(url=sendoff_database), "test") as opened:
        yield opened


@pytest.fixture
async def db(sendoff_database: str) -> AsyncIterator[psycopg.AsyncConnection]:
    async with await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as connection:
        yield connection


async def send(db: psycopg.AsyncConnection, number: int) -> None:
    """Write that a message was sent."""
    await db.execute(
        "INSERT INTO deliveries (message_id, customer_id, generation, token, attempts, due_at, created_at, sent_at,"
        " status_code, duration_us) VALUES (%(id)s, 'default', 0, 1, 1, %(now)s, %(now)s, %(now)s, 200, 1)",
        {"id": message(number), "now": NOW},
    )


async def unpublished(pool: Pool, holder: str = "one", limit: int = 100) -> list[Event]:
    """What a publisher would publish now."""
    place = await take_turn(pool, holder)
    assert place is not None
    return await read_events(pool, place, limit)


async def publish(pool: Pool, holder: str = "one", limit: int = 100) -> list[UUID]:
    """Note all that there is as published; the messages."""
    events = await unpublished(pool, holder, limit)
    if events:
        assert await advance(pool, holder, events[-1])
    return [event.row_id for event in events]


async def test_nothing_is_recorded_before_the_first_start(pool: Pool, db: psycopg.AsyncConnection) -> None:
    await send(db, 1)
    cursor = await db.execute("SELECT event_position FROM deliveries")
    assert await cursor.fetchall() == [(None,)]
    await start_recording(pool)
    assert await unpublished(pool) == []
    await send(db, 2)
    await until_unpublished(pool, 1)
    assert await publish(pool) == [message(2)]


async def test_the_cursor_does_not_pass_a_transaction_that_runs(
    pool: Pool, db: psycopg.AsyncConnection, sendoff_database: str
) -> None:
    await start_recording(pool)
    async with await psycopg.AsyncConnection.connect(sendoff_database) as slow:
        await send(slow, 1)
        await send(db, 2)
        assert await publish(pool) == []
        await slow.commit()
    await until_unpublished(pool, 2)
    assert await publish(pool) == [message(1), message(2)]


async def test_a_large_transaction_is_read_in_pieces(pool: Pool, db: psycopg.AsyncConnection) -> None:
    await start_recording(pool)
    async with db.transaction():
        for number in (3, 1, 2, 5, 4):
            await send(db, number)
    await until_unpublished(pool, 5)
    pieces = [await publish(pool, limit=2) for _ in range(4)]
    assert pieces == [[message(1), message(2)], [message(3), message(4)], [message(5)], []]


async def test_one_publisher_has_the_lease_until_it_leaves_it(pool: Pool, db: psycopg.AsyncConnection) -> None:
    await start_recording(pool)
    assert await take_turn(pool, "one") is not None
    assert await take_turn(pool, "two") is None
    await release(pool, "one")
    assert await take_turn(pool, "two") is not None
    await db.execute("UPDATE event_cursor SET held_until = clock_timestamp() - interval '1 s'")
    assert await take_turn(pool, "one") is not None


async def test_who_has_lost_the_lease_moves_nothing(pool: Pool, db: psycopg.AsyncConnection) -> None:
    await start_recording(pool)
    await send(db, 1)
    (event,) = await until_unpublished(pool, 1)
    await release(pool, "one")
    place = await take_turn(pool, "two")
    assert not await advance(pool, "one", event)
    assert await take_turn(pool, "two") == place


async def test_positions_go_on_rising_in_another_cluster(pool: Pool, db: psycopg.AsyncConnection) -> None:
    """The copy comes from a cluster that had counted its transactions much further."""
    await start_recording(pool)
    await db.execute("SELECT record_events(1000000000)")
    await db.execute("UPDATE event_cursor SET system_identifier = 1, position = 1000000000")
    await send(db, 1)
    with capture_logs() as logs:
        await start_recording(pool)
    assert [entry["event"] for entry in logs] == [
        "the database was moved to another cluster: what happened between the move and now has no events,"
        " and what was published after the copy was made is not known"
    ]
    await send(db, 2)
    await until_unpublished(pool, 2)
    assert await publish(pool) == [message(1), message(2)]


async def test_a_restored_cursor_goes_on_where_it_was_and_says_so(pool: Pool, db: psycopg.AsyncConnection) -> None:
    await start_recording(pool)
    await send(db, 1)
    await until_unpublished(pool, 1)
    before = await take_turn(pool, "one")
    assert await publish(pool) == [message(1)]
    assert isinstance(before, Place)
    await db.execute("UPDATE event_cursor SET timeline = 0, position = %s", (before.position,))  # ten minutes back
    with capture_logs() as logs:
        await start_recording(pool)
        await start_recording(pool)
    assert len(logs) == 1
    assert "events since the cursor may be published again with the ids that they had" in logs[0]["event"]
    assert await publish(pool) == [message(1)]


async def test_past_events_go_once_they_are_published(pool: Pool, db: psycopg.AsyncConnection) -> None:
    await start_recording(pool)
    cancel = "INSERT INTO cancellations VALUES (%s, 'default', 0, 0, 1, now(), 1)"
    await db.execute(cancel, (message(1),))
    await db.execute("DELETE FROM cancellations")
    (event,) = await until_unpublished(pool, 1)
    assert (event.kind, event.row_id) == ("cancelled", message(1))
    assert await publish(pool) == [message(1)]
    await send(db, 2)
    await until_unpublished(pool, 1)
    assert await publish(pool) == [message(2)]
    cursor = await db.execute("SELECT count(*) FROM past_events")
    assert await cursor.fetchone() == (0,)


async def until_unpublished(pool: Pool, count: int) -> list[Event]:
    """Wait for that many events: transactions of other databases of the server hold the cursor up, too."""
    found: list[Event] = []

    async def all_there() -> bool:
        found[:] = await unpublished(pool)
        return len(found) == count

    await eventually(all_there, f"{count} events can be published")
    return found


async def forbid_whole_sorts(connection: Connection) -> None:
    await run(connection, "sendoff_ingest.events", "forbid_whole_sorts")


async def test_events_are_read_along_their_indexes_whatever_was_planned(pool: Pool) -> None:
    """A plan that was made while nothing had happened is kept, and would read all that has happened since."""
    await start_recording(pool)
    for _ in range(40):
        assert await unpublished(pool) == []
    plans = await kept_plans(pool, "of_messages", forbid_whole_sorts)
    assert plans
    for plan in plans:
        assert not re.search(r"(Seq|Bitmap Heap) Scan on (deliveries|attempts|dead_letters|cancellations)", plan), plan
        assert not re.search(r"->  Sort ", plan), plan
