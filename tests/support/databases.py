"""Databases with Sendoff's schema in them, copied from one that was migrated once."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from sendoff_config.settings import Settings
from sendoff_db.migrator import migrate
from sendoff_db.partitions import make_partitions
from support.seeding import seed
from support.servers import Servers, new_database
from support.waiting import wait_until

_MIGRATED, _TEMPLATE = "sendoff_migrated", "sendoff_template"


@pytest.fixture(scope="session")
def migrated_template(servers: Servers) -> str:
    """The name of a migrated database without any rows, which nobody is connected to."""
    _execute(servers.postgres, f"CREATE DATABASE {_MIGRATED}")
    asyncio.run(_migrate(url_of(servers, _MIGRATED)))
    return _MIGRATED


@pytest.fixture
def migrated_database(servers: Servers, migrated_template: str) -> Iterator[str]:
    """The URL of a new database with the schema and its partitions; copying it takes a fraction of the time."""
    with new_database(servers, migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def template_database(servers: Servers) -> str:
    """The name of a migrated and seeded database that nobody is connected to."""
    _execute(servers.postgres, f"CREATE DATABASE {_TEMPLATE}")
    asyncio.run(prepare(url_of(servers, _TEMPLATE)))
    return _TEMPLATE


@pytest.fixture
def sendoff_database(servers: Servers, template_database: str) -> Iterator[str]:
    """The URL of a new database as `sendoff migrate` leaves it, default customer and partitions included.

    A test that leaves a connection open fails.
    """
    with copied(servers, template_database) as url:
        yield url


@contextmanager
def copied(servers: Servers, template: str) -> Iterator[str]:
    """A copy of a database, dropped after the block; AssertionError if somebody is still connected then."""
    name = f"sendoff_{secrets.token_hex(6)}"
    _execute(servers.postgres, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield url_of(servers, name)
    with psycopg.connect(servers.postgres, autocommit=True) as connection:
        try:
            wait_until(lambda: not _connected(connection, name), f"nobody is connected to {name} any more")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def url_of(servers: Servers, name: str) -> str:
    """The URL of another database on the test's PostgreSQL."""
    return f"{servers.postgres.rpartition('/')[0]}/{name}"


async def _migrate(url: str) -> None:
    partitions = Settings().partitions
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await migrate(connection)
        await make_partitions(connection, partitions.every, partitions.ahead)


async def prepare(url: str) -> None:
    """Migrate and seed a database, as `sendoff migrate` does."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await migrate(connection)
        await seed(connection, Settings())


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _connected(connection: psycopg.Connection[Any], name: str) -> list[str]:
    found = connection.execute(
        "SELECT application_name || ': ' || query FROM pg_stat_activity WHERE datname = %s", (name,)
    )
    return [row[0] for row in found]
