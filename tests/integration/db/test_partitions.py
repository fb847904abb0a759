"""Partitions are there before anything is written to them."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from sendoff_db.clock import read_now
from sendoff_db.migrator import migrate
from sendoff_db.partitions import TABLES, Partition, list_partitions, make_partition, make_partitions
from sendoff_db.pool import Connection
from sendoff_domain.ids import hex_uuid7

NOW = datetime(2026, 11, 22, 12, 34, 56, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0, second=0)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

INSERT = {
    "messages": "INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, created_at)"
    " VALUES (%(id)s, 'default', 'a', '{}', now(), now())",
    "deliveries": "INSERT INTO deliveries VALUES (%(id)s, 'default', 0, 1, 1, now(), now(), %(moment)s, 200, 1, NULL)",
    "attempts": "INSERT INTO attempts VALUES (%(id)s, 0, 1, 1, %(moment)s, 1, 500, 'status', 'x', '')",
}


@pytest.fixture
async def migrated(empty: Connection) -> Connection:
    """The schema without any partition."""
    await migrate(empty)
    return empty


def ranges(partitions: list[Partition]) -> list[tuple[datetime, datetime]]:
    return [(partition.start, partition.end) for partition in partitions]


async def insert(connection: Connection, table: str, moment: datetime, entropy: bytes = bytes(10)) -> str:
    """Insert a row of that moment and return the partition it went to."""
    values = {"id": UUID(hex=hex_uuid7(int(moment.timestamp() * 1000), entropy)), "moment": moment}
    cursor = await connection.execute(f"{INSERT[table]} RETURNING tableoid::regclass::text".encode(), values)
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def drop_and_make(url: str, table: str, times: int) -> None:
    """Make and drop the partition of one hour again and again, each time committed."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for _ in range(times):
            name = await make_partition(connection, table, TODAY - DAY, TODAY - DAY + HOUR)
            await connection.execute(f"DROP TABLE {name}".encode())


async def test_partitions_are_listed_while_another_process_drops_one(database: str, migrated: Connection) -> None:
    """The catalogue of that moment still names it, but its bounds can't be read any more."""
    await make_partitions(migrated, "hour", 3, NOW)
    kept = ranges(await list_partitions(migrated, "attempts"))
    dropping = asyncio.create_task(drop_and_make(database, "attempts", 100))
    looks = 0
    while not dropping.done():
        listed = ranges(await list_partitions(migrated, "attempts"))
        assert [one for one in listed if one[0] >= TODAY] == kept
        looks += 1
    await dropping
    assert looks > 0


@pytest.mark.parametrize(("every", "step", "base"), [("day", DAY, TODAY), ("hour", HOUR, TODAY + 12 * HOUR)])
@pytest.mark.parametrize("table", TABLES)
async def test_partitions_reach_from_one_step_back_to_the_steps_ahead(
    migrated: Connection, table: str, every: str, step: timedelta, base: datetime
) -> None:
    made = await make_partitions(migrated, every, 2, NOW)  # type: ignore[arg-type]  # one of the two
    assert made == 4 * len(TABLES)
    partitions = await list_partitions(migrated, table)
    assert ranges(partitions) == [(base + n * step, base + (n + 1) * step) for n in range(-1, 3)]
    for moment in (base - step, NOW, base + 3 * step - timedelta(milliseconds=1)):
        holder = next(part for part in partitions if part.start <= moment < part.end)
        assert await insert(migrated, table, moment) == holder.name


async def test_what_exists_is_not_made_again(migrated: Connection) -> None:
    await make_partitions(migrated, "day", 3, NOW)
    assert await make_partitions(migrated, "day", 3, NOW) == 0
    assert await make_partitions(migrated, "day", 3, NOW + DAY) == len(TABLES)


async def test_five_that_make_partitions_at_once_make_each_once(database: str, migrated: Connection) -> None:
    async def make() -> int:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            return await make_partitions(connection, "hour", 3, NOW)

    made = await asyncio.gather(*(make() for _ in range(5)))
    assert sorted(made) == [0, 0, 0, 0, 5 * len(TABLES)]


@pytest.mark.parametrize("table", TABLES)
async def test_after_a_change_to_hours_they_begin_where_the_days_end(migrated: Connection, table: str) -> None:
    await make_partitions(migrated, "day", 1, NOW)
    await make_partitions(migrated, "hour", 30, TODAY + 23 * HOUR)
    partitions = ranges(await list_partitions(migrated, table))
    end_of_days = TODAY + 2 * DAY
    assert partitions[:3] == [(TODAY + n * DAY, TODAY + (n + 1) * DAY) for n in (-1, 0, 1)]
    assert partitions[3] == (end_of_days, end_of_days + HOUR)
    assert [start for start, _ in partitions[1:]] == [end for _, end in partitions[:-1]], "no gap, no overlap"


@pytest.mark.parametrize("table", TABLES)
async def test_after_a_change_to_days_the_gaps_between_hours_are_filled(migrated: Connection, table: str) -> None:
    await make_partition(migrated, table, TODAY + 3 * HOUR, TODAY + 4 * HOUR)
    await make_partitions(migrated, "day", 1, NOW)
    assert ranges(await list_partitions(migrated, table)) == [
        (TODAY - DAY, TODAY),
        (TODAY, TODAY + 3 * HOUR),
        (TODAY + 3 * HOUR, TODAY + 4 * HOUR),
        (TODAY + 4 * HOUR, TODAY + DAY),
        (TODAY + DAY, TODAY + 2 * DAY),
    ]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
async def test_the_time_zone_of_a_connection_changes_nothing(migrated: Connection, zone: str) -> None:
    await migrated.execute(f"SET TIME ZONE '{zone}'".encode())
    await make_partitions(migrated, "day", 1, NOW)
    for table in TABLES:
        assert ranges(await list_partitions(migrated, table)) == [
            (TODAY + n * DAY, TODAY + (n + 1) * DAY) for n in (-1, 0, 1)
        ]


async def test_an_id_can_not_be_taken_twice_in_a_partition(migrated: Connection) -> None:
    await make_partitions(migrated, "day", 1, NOW)
    await insert(migrated, "messages", NOW)
    with pytest.raises(psycopg.errors.UniqueViolation):
        await insert(migrated, "messages", NOW)


@pytest.mark.parametrize("table", TABLES)
async def test_a_partition_has_the_indexes_of_its_table(migrated: Connection, table: str) -> None:
    await make_partitions(migrated, "day", 1, NOW)
    counts = []
    for name in (table, (await list_partitions(migrated, table))[0].name):
        cursor = await migrated.execute("SELECT count(*) FROM pg_indexes WHERE tablename = %s", (name,))
        counts.append(await cursor.fetchone())
    assert counts[0] == counts[1]


async def test_partitions_are_made_around_the_databases_time(migrated: Connection) -> None:
    await make_partitions(migrated, "hour", 2)
    for table in TABLES:
        now = await read_now(migrated)
        assert any(part.start <= now < part.end for part in await list_partitions(migrated, table))
