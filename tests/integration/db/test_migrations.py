"""The schema comes up to date once, whoever starts first, or not at all."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from sendoff_config.settings import PartitionSettings, Settings
from sendoff_db import migrator
from sendoff_db.migrator import available, migrate, pending
from sendoff_db.partitions import TABLES, list_partitions, make_partition, make_partitions
from sendoff_db.pool import Connection
from sendoff_db.retention import drop_expired
from sendoff_domain.errors import MigrationError
from sendoff_domain.ids import first_uuid_at
from support.seeding import seed


async def tables(connection: Connection) -> set[str]:
    cursor = await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    return {row[0] for row in await cursor.fetchall()}


async def test_an_empty_database_gets_every_migration_in_order(empty: Connection) -> None:
    assert await pending(empty) == list(available())
    assert await migrate(empty) == list(available()) == sorted(available())
    assert {"messages", "due", "retries", "deliveries", "dead_letters", "cancellations"} <= await tables(empty)


async def test_a_second_run_changes_nothing(empty: Connection) -> None:
    await migrate(empty)
    assert await migrate(empty) == []
    assert await pending(empty) == []


async def test_of_five_that_start_at_once_one_migrates(database: str) -> None:
    async def start() -> list[str]:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            return await migrate(connection)

    applied = await asyncio.gather(*(start() for _ in range(5)))
    assert sorted(applied, key=len) == [[], [], [], [], list(available())]


async def test_starts_beside_clean_ups_never_fail(database: str) -> None:
    """Each start migrates and seeds as `sendoff migrate` does, while partitions come and go."""
    settings = Settings(partitions=PartitionSettings(every="hour"))
    old = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=60)

    async def start() -> list[str]:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            await migrate(connection)
            await seed(connection, settings)
            return await pending(connection)

    async def clean_up(first: int) -> None:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            for turn in range(8):
                begin = old + timedelta(hours=first + turn)
                for table in TABLES:
                    await make_partition(connection, table, begin, begin + timedelta(hours=1))
                await make_partitions(connection, "hour", 3 + turn, datetime.now(UTC))
                await drop_expired(connection, timedelta(days=30))

    await start()
    cleaning = [asyncio.create_task(clean_up(first)) for first in (0, 100, 200)]
    while not all(task.done() for task in cleaning):
        assert await asyncio.gather(*(start() for _ in range(4))) == [[]] * 4
    await asyncio.gather(*cleaning)


async def test_a_migration_that_was_changed_after_it_was_applied_is_refused(empty: Connection) -> None:
    await migrate(empty)
    await empty.execute("UPDATE migrations SET digest = 'another' WHERE name = '0001_schema'")
    for look in (migrate, pending):
        with pytest.raises(MigrationError, match="0001_schema was changed"):
            await look(empty)


async def test_a_database_of_a_newer_version_is_refused(empty: Connection) -> None:
    await migrate(empty)
    await empty.execute("INSERT INTO migrations (name, digest) VALUES ('9999_future', 'x')")
    for look in (migrate, pending):
        with pytest.raises(MigrationError, match="9999_future, which this version does not know: upgrade"):
            await look(empty)


async def test_a_database_of_an_unreleased_version_is_refused_with_what_to_do(empty: Connection) -> None:
    await migrate(empty)
    await empty.execute("UPDATE migrations SET name = '0001_messages' WHERE name = '0001_schema'")
    for look in (migrate, pending):
        with pytest.raises(MigrationError, match=r"unreleased version .* remove the data folder .* drop the database"):
            await look(empty)


async def test_a_migration_that_fails_leaves_nothing_behind(empty: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {**available(), "9998_broken": b"CREATE TABLE half (id int); SELECT 1 / 0"}
    monkeypatch.setattr(migrator, "available", lambda: broken)
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(empty)
    assert await tables(empty) == set()


async def test_only_partitions_that_may_still_take_messages_are_read_for_the_index_of_references(
    empty: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_of_them = available()
    monkeypatch.setattr(migrator, "available", lambda: dict(list(all_of_them.items())[:3]))
    await migrate(empty)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    old = today - timedelta(days=3)
    for days in (0, 1):
        await make_partition(empty, "messages", old + timedelta(days=days), old + timedelta(days=days + 1))
    await make_partitions(empty, "day", 2)
    monkeypatch.setattr(migrator, "available", lambda: all_of_them)
    await migrate(empty)
    await make_partitions(empty, "day", 3)
    cursor = await empty.execute(
        "SELECT tablename FROM pg_indexes WHERE tablename LIKE 'messages\\_%' AND indexdef LIKE '%(reference, id)%'"
    )
    names = {part.name: part.start for part in await list_partitions(empty, "messages")}
    indexed = sorted(names[name] for (name,) in await cursor.fetchall())
    assert indexed == [today + timedelta(days=days) for days in range(-1, 4)]
    cursor = await empty.execute("SELECT first_reference_id()")
    assert await cursor.fetchone() == (first_uuid_at(today - timedelta(days=1)),)


async def test_an_older_database_gets_only_what_it_lacks(empty: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrate(empty)
    newer = {**available(), "9998_more": b"CREATE TABLE more (id int)"}
    monkeypatch.setattr(migrator, "available", lambda: newer)
    assert await pending(empty) == ["9998_more"]
    assert await migrate(empty) == ["9998_more"]
    assert "more" in await tables(empty)
