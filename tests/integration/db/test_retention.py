"""What is older than the retention goes, but nothing that is still needed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from sendoff_db.locks import RETENTION as RETENTION_LOCK
from sendoff_db.partitions import list_partitions, make_partition
from sendoff_db.pool import Connection
from sendoff_db.retention import _trim_all, drop_expired
from sendoff_domain.ids import hex_uuid7

RETENTION = timedelta(days=30)
DAY = timedelta(days=1)
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
OLD = TODAY - 40 * DAY


@pytest.fixture
async def old_partitions(connection: Connection) -> dict[str, str]:
    """A partition of 40 days ago for each table."""
    return {
        table: await make_partition(connection, table, OLD, OLD + DAY)
        for table in ("messages", "deliveries", "attempts")
    }


async def old_message(connection: Connection) -> UUID:
    id = UUID(hex=hex_uuid7(int((OLD + DAY / 2).timestamp() * 1000), bytes(10)))
    await connection.execute(
        "INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, created_at)"
        " VALUES (%s, 'default', 'a', '{}', now(), now())",
        (id,),
    )
    return id


async def names(connection: Connection, table: str) -> set[str]:
    return {partition.name for partition in await list_partitions(connection, table)}


async def test_partitions_of_the_past_are_dropped_and_those_of_now_kept(
    connection: Connection, old_partitions: dict[str, str]
) -> None:
    before = {table: await names(connection, table) for table in old_partitions}
    dropped = await drop_expired(connection, RETENTION)
    assert set(dropped.partitions) == set(old_partitions.values())
    for table, old in old_partitions.items():
        assert await names(connection, table) == before[table] - {old}


async def test_a_partition_goes_only_when_all_of_it_is_too_old(
    connection: Connection, old_partitions: dict[str, str]
) -> None:
    end = OLD + DAY
    assert (await drop_expired(connection, RETENTION, end + RETENTION - timedelta(seconds=1))).partitions == ()
    assert len((await drop_expired(connection, RETENTION, end + RETENTION)).partitions) == len(old_partitions)


@pytest.mark.parametrize(
    "place",
    [
        "INSERT INTO due (message_id, customer_id, due_at, visible_at) VALUES (%s, 'default', now(), now())",
        "INSERT INTO retries VALUES (%s, 'default', now(), 1, 0, 1)",
        "INSERT INTO deliveries VALUES (%s, 'default', 0, 1, 1, now(), now(), now(), 200, 1, NULL)",
        "INSERT INTO cancellations VALUES (%s, 'default', 0, 0, 1, now())",
    ],
)
async def test_messages_stay_while_one_of_them_is_undelivered_or_still_shown(
    connection: Connection, old_partitions: dict[str, str], place: str
) -> None:
    """The other bodies of its partition go all the same, however many, and in the end the partition as a whole."""
    id = await old_message(connection)
    await connection.execute(place.encode(), (id,))
    await fill(connection, 2500)
    dropped = await drop_expired(connection, RETENTION)
    assert set(dropped.partitions) == {old_partitions["deliveries"], old_partitions["attempts"]}
    assert dropped.messages == 2500
    cursor = await connection.execute("SELECT id FROM messages")
    assert await cursor.fetchall() == [(id,)]
    for table in ("due", "retries", "deliveries", "cancellations"):
        await connection.execute(f"DELETE FROM {table}".encode())
    assert (await drop_expired(connection, RETENTION)).partitions == (old_partitions["messages"],)


async def fill(connection: Connection, count: int) -> None:
    """More messages of that day, which are nowhere any more: all that is known of them is too old."""
    first = int((OLD + DAY / 4).timestamp() * 1000)
    ids = [UUID(hex=hex_uuid7(first + number, number.to_bytes(10))) for number in range(count)]
    await connection.execute(
        "INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, created_at)"
        " SELECT id, 'default', 'a', '{}', now(), now() FROM unnest(%s::uuid[]) AS one (id)",
        (ids,),
    )


async def test_a_resend_that_goes_on_holds_back_the_deletion_of_bodies(
    connection: Connection, sendoff_database: str, old_partitions: dict[str, str]
) -> None:
    """It may bring back to life what the deletion takes for dead."""
    id = await old_message(connection)
    await connection.execute("INSERT INTO retries VALUES (%s, 'default', now(), 1, 0, 1)", (id,))
    await fill(connection, 1)
    async with await psycopg.AsyncConnection.connect(sendoff_database) as resending:
        await resending.execute("SELECT pg_advisory_xact_lock_shared(%s)", (RETENTION_LOCK,))
        trimmed = await _trim_all(connection, await list_partitions(connection, "messages"))
        await resending.rollback()
    assert trimmed == 0
    assert (await drop_expired(connection, RETENTION)).messages == 1


async def test_messages_go_with_the_deliveries_that_held_them_back(
    connection: Connection, old_partitions: dict[str, str]
) -> None:
    id = await old_message(connection)
    await connection.execute(
        "INSERT INTO deliveries VALUES (%s, 'default', 0, 1, 1, %s, %s, %s, 200, 1, NULL)", (id, *[OLD + DAY / 2] * 3)
    )
    assert old_partitions["messages"] in (await drop_expired(connection, RETENTION)).partitions


async def test_a_partition_in_use_is_left_for_the_next_run(
    connection: Connection, sendoff_database: str, old_partitions: dict[str, str]
) -> None:
    async with await psycopg.AsyncConnection.connect(sendoff_database) as reader:
        await reader.execute(f"SELECT FROM {old_partitions['attempts']}".encode())
        first = await drop_expired(connection, RETENTION)
        await reader.rollback()
    assert set(first.partitions) == {old_partitions["messages"], old_partitions["deliveries"]}
    assert first.in_use == (old_partitions["attempts"],)
    second = await drop_expired(connection, RETENTION)
    assert (second.partitions, second.in_use) == ((old_partitions["attempts"],), ())


async def test_a_table_in_use_is_waited_for_once_in_a_run(
    connection: Connection, sendoff_database: str, old_partitions: dict[str, str]
) -> None:
    """Whoever reads all of it for long holds up nobody for longer than one drop waits."""
    younger = await make_partition(connection, "attempts", OLD + DAY, OLD + 2 * DAY)
    async with await psycopg.AsyncConnection.connect(sendoff_database) as reader:
        await reader.execute(f"SELECT FROM {old_partitions['attempts']}".encode())
        first = await drop_expired(connection, RETENTION)
        await reader.rollback()
    assert set(first.partitions) == {old_partitions["messages"], old_partitions["deliveries"]}
    assert (await drop_expired(connection, RETENTION)).partitions == (old_partitions["attempts"], younger)


async def test_the_limits_of_a_drop_end_with_it(connection: Connection, old_partitions: dict[str, str]) -> None:
    """The next user of the connection has statements that may wait longer."""
    assert (await drop_expired(connection, RETENTION)).partitions
    for name in ("lock_timeout", "idle_in_transaction_session_timeout"):
        cursor = await connection.execute(f"SHOW {name}".encode())
        assert await cursor.fetchone() == ("0",)


async def test_old_rows_of_the_plain_tables_go(connection: Connection) -> None:
    now = datetime.now(UTC)
    for number, age in enumerate((timedelta(0), RETENTION - DAY, RETENTION + DAY)):
        await connection.execute(
            "INSERT INTO cancellations VALUES (%s, 'default', 0, 0, 1, %s)", (UUID(int=number), now - age)
        )
        await connection.execute(
            "INSERT INTO idempotency_keys VALUES (1, %s, '', %s, %s)",
            (str(number), UUID(int=number), now - age),
        )
        await connection.execute("INSERT INTO ticks VALUES (%s, 1, %s)", (str(number), now - age))
    assert (await drop_expired(connection, RETENTION)).rows == 1 + 2 + 2
    assert (await drop_expired(connection, RETENTION)).rows == 0
