"""What the tests of the actors share."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from sendoff_db.pool import Connection
from support.servers import RedisUrls
from support.worker import Worker, open_worker


@pytest.fixture
async def connection(sendoff_database: str) -> AsyncIterator[Connection]:
    """A connection to a migrated database."""
    async with await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def worker(sendoff_database: str, redis_urls: RedisUrls) -> AsyncIterator[Worker]:
    """One worker process."""
    async with open_worker(sendoff_database, redis_urls) as opened:
        yield opened
