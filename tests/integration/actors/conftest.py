"""What the tests of the actors share."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from sendoff_db.pool import Connection
from support.receiver import Receiver, running_receiver
from support.servers import RedisUrls
from support.worker import Worker, open_worker


@pytest.fixture
async def connection(sendoff_database: str) -> AsyncIterator[Connection]:
    """A connection to a migrated database."""
    async with await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The webhook of the default customer."""
    with running_receiver() as running:
        yield running


@pytest.fixture
async def worker(sendoff_database: str, redis_urls: RedisUrls) -> AsyncIterator[Worker]:
    """One worker process that has not joined its fleet yet."""
    async with open_worker(sendoff_database, redis_urls) as opened:
        yield opened


@pytest.fixture
async def sender(
    sendoff_database: str, redis_urls: RedisUrls, nats_url: str, receiver: Receiver
) -> AsyncIterator[Worker]:
    """One worker process that may send; it has two slots."""
    async with open_worker(sendoff_database, redis_urls, nats_url, receiver=receiver, maxConcurrent=2) as opened:
        await opened.join()
        yield opened
