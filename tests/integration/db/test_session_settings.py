"""A database or role whose sessions begin otherwise than ours: all that is read and written stays right."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from sendoff_config.settings import PostgresSettings, Settings
from sendoff_db.bounded_connection import connect
from sendoff_db.clock import read_now
from sendoff_db.migrator import migrate, pending
from sendoff_db.partitions import TABLES, list_partitions, make_partitions
from sendoff_db.pool import open_pool
from sendoff_domain.errors import MigrationError
from support.seeding import seed
from support.servers import Servers

ODD = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Pacific/Chatham",
    "standard_conforming_strings": "off",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "default_transaction_isolation": "serializable",
    "client_encoding": "LATIN1",
}
READ = (
    b"SELECT timestamptz '2026-11-26 12:34:56.789012+00', interval '1 day 02:03:04', '\\xff00'::bytea,"
    b" 1800000000.123456::float8, '{NULL,a}'::text[], current_setting('transaction_isolation'), '\xc3\xa4'::text"
)
RIGHT = (
    datetime(2026, 11, 26, 12, 34, 56, 789012, UTC),
    timedelta(days=1, hours=2, minutes=3, seconds=4),
    b"\xff\x00",
    1800000000.123456,
    [None, "a"],
    "read committed",
    "ä",
)


def odd(url: str, name: str, value: str) -> None:
    """Let all new sessions of that database begin so."""
    with psycopg.connect(url, autocommit=True) as connection:
        database = connection.info.dbname
        connection.execute(SQL("ALTER DATABASE {} SET {} = {}").format(Identifier(database), SQL(name), Literal(value)))


@pytest.fixture
def ascii_database(servers: Servers) -> Iterator[str]:
    """A database that takes any bytes for text."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(servers.postgres, autocommit=True) as connection:
        made = f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        connection.execute(made.encode())
    yield servers.postgres.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(servers.postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.parametrize("name", ODD)
async def test_a_session_reads_and_means_the_same_whatever_the_database_says(database: str, name: str) -> None:
    odd(database, name, ODD[name])
    settings = PostgresSettings(url=database)
    async with await connect(settings, "test") as connection:
        assert await (await connection.execute(READ)).fetchone() == RIGHT
    async with open_pool(settings, "test") as pool, pool.connection() as pooled:
        assert await (await pooled.execute(READ)).fetchone() == RIGHT


async def test_schema_partitions_and_customers_are_made_the_same_with_all_of_them(database: str) -> None:
    for name, value in ODD.items():
        odd(database, name, value)
    async with await connect(PostgresSettings(url=database), "test") as connection:
        await migrate(connection)
        await seed(connection, Settings.model_validate({"postgres": {"url": database}}))
        assert await pending(connection) == []
        now = await read_now(connection)
        for table in TABLES:
            assert any(part.start <= now < part.end for part in await list_partitions(connection, table))
        assert await make_partitions(connection, "day", 3) == 0, "they are read as they were made"


async def test_a_database_that_is_not_utf8_is_called_that(ascii_database: str) -> None:
    async with await connect(PostgresSettings(url=ascii_database), "test") as connection:
        for look in (migrate, pending):
            with pytest.raises(MigrationError, match="encoding is SQL_ASCII"):
                await look(connection)
