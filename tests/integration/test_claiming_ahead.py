"""A tick is followed by claims as long as there is more, until enough batches wait for a Sender."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

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


class Calls:
    """Calls into the event loop as the actor makes them; `then` follows the first one before the actor goes on."""

    def __init__(self, event_loop: EventLoopThread[Any]) -> None:
        self._event_loop = event_loop
        self.then: Callable[[], None] | None = None

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        result = self._event_loop.call(coroutine)
        then, self.then = self.then, None
        if then is not None:
            then()
        return result


@dataclass
class Claimer:
    """The Claimer's actor with nobody who takes its batches."""

    broker: BlockingRedisBroker
    actor: "dramatiq.Actor[..., None]"
    calls: Calls


@pytest.fixture
def claimer_alone(sendoff_database: str, redis_urls: RedisUrls) -> Iterator[Claimer]:

    @asynccontextmanager
    async def lifetime() -> AsyncIterator[Claiming]:
        async with open_pool(PostgresSettings(url=sendoff_database), "test") as pool:
            clock = DatabaseClock()
            async with pool.connection() as connection:
                await clock.sample(connection)
            yield Claiming(pool=pool, clock=clock, holder="one", horizon=timedelta(0), lease=timedelta(seconds=8))

    event_loop, broker = EventLoopThread(lifetime), BlockingRedisBroker(redis_urls.broker)
    broker.authenticate(bytes(32))
    calls: Any = Calls(event_loop)
    actor = claimer.declare(broker, calls, claiming=event_loop.start(), is_running=lambda: True)
    yield Claimer(broker, actor, calls)
    event_loop.stop(5)
    broker.close()


@pytest.mark.parametrize(
    ("due", "drain", "batches"), [(100, True, 4), (25, True, 3), (10, True, 1), (100, False, 1), (0, True, 0)]
)
def test_one_tick_claims_ahead_while_there_is_more(
    claimer_alone: Claimer, sendoff_database: str, due: int, drain: bool, batches: int
) -> None:
    broker = claimer_alone.broker
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        connection.execute(INSERT, (due,))
        claimer_alone.actor(Tick("one", 1, 4e9, 10, drain))
        row = connection.execute("SELECT count(*) FROM due WHERE holder IS NOT NULL").fetchone()

    assert broker.waiting(Queue.SENDER) == batches
    assert row == (min(due, 10 * batches),)


def test_what_comes_due_during_a_claim_is_claimed_right_after_it(claimer_alone: Claimer, sendoff_database: str) -> None:
    """Its own tick finds the Claimer busy, and the next one may be an interval away."""
    tick = Tick("one", 0, 0.0, 10, drain=True)
    with psycopg.connect(sendoff_database, autocommit=True) as connection:
        connection.execute(INSERT, (1,))

        def come_due() -> None:
            connection.execute(INSERT, (1,))
            claimer_alone.actor(tick)

        claimer_alone.calls.then = come_due
        claimer_alone.actor(tick)
        row = connection.execute("SELECT count(*) FROM due WHERE holder IS NULL").fetchone()

    assert row == (0,)
    assert claimer_alone.broker.waiting(Queue.SENDER) == 2
