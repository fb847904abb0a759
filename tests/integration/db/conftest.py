"""Connections for the tests of what all slices share."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from sendoff_db.pool import Connection


@pytest.fixture
async def empty(database: str) -> AsyncIterator[Connection]:
    """A connection to a database without any table."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def connection(sendoff_database: str) -> AsyncIterator[Connection]:
    """A connection to a migrated database."""
    async with await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as connection:
        yield connection
