"""What the tests of the actors share."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from sendoff_db.pool import Connection


@pytest.fixture
async def connection(sendoff_database: str) -> AsyncIterator[Connection]:
    """A connection to a migrated database."""
    async with await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as connection:
        yield connection
