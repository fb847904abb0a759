"""A tick is followed by claims as long as there is more, until enough batches wait for a Sender."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import dramatiq
import psycopg
import pytest

from sendoff_actors.broker import BlockingRedisBroker
from sendoff_actors.claimer import actor as claimer
from sendoff_actors.claimer.handler import Claiming
from sendoff_actors.event_loop_thread import EventLoopThread
from sendoff_actors.handoffs import Queue, Tick
from sendoff_config.settings import PostgresSettings
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import open_pool
from support.servers import RedisUrls

#: Ids are UUIDv7, whose time says in which partition they are.
INSERT = """
WITH made AS (
    SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n), 3, '0')
            || '8' || substr(md5(n::text), 1, 15))::uuid AS id
      FROM generate_series(1, %s) AS n
), stored AS (
    INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, created_at, incarnation)
    SELECT id, 'default', 'bob', '{}', now(), now(), 1 FROM made
)
INSERT INTO due (message_id, customer_id, due_at, visible_at, incarnation)
SELECT id, 'default', now(), now(), 1 FROM made
"""


@pytest.fixture
def claim(
    sendoff_database: str, redis_urls: RedisUrls
) -> Iterator["tuple[BlockingRedisBroker, dramatiq.Actor[..., None]]"]:
    """The Claimer's actor with nobody who takes its batches."""

    @asynccontextmanager
    async def lifetime() -> AsyncIterator[Claiming]:
        async with open_pool(PostgresSettings(url=sendoff_database), "test") as pool:
            clock = DatabaseClock()
            async with pool.connection() as connection:
                await clock.sample(connection)
            yield Claiming(pool=pool, clock=clock, holder="one", horizon=timedelta(0), lease=timedelta(seconds=8))

    event_loop, broker = EventLoopThread(lifetime), BlockingRedisBroker(redis_urls.broker)
    broker.authenticate(bytes(32))
    actor = claimer.declare(broker, event_loop, claiming=event_loop.start(), is_running=lambda: True)
    yield broker, actor
    event_loop.stop(5)
    broker.close()


@pytest.mark.parametrize(
    ("due", "drain", "batches"), [(100, True, 4), (25, True, 3), (10, True, 1), (100, False, 1), (0, True, 0)]
)
def test_one_tick_claims_ahead_while_there_is_more(
    claim: "tuple[BlockingRedisBroker, dramatiq.Actor[..., None]]",
    sendoff_database: str,
    due: int,
    drain: bool,
    batches: int,
) -> None:
    broker, actor = claim
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        connection.execute(INSERT, (due,))
        actor(Tick("one", 1, 4e9, 10, drain))
        row = connection.execute("SELECT count(*) FROM due WHERE holder IS NOT NULL").fetchone()

    assert broker.waiting(Queue.SENDER) == batches
    assert row == (min(due, 10 * batches),)
