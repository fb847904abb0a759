"""A stop and a claim at the same moment: whichever commits second has seen the first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from sendoff_actors.claimer.handler import Claiming
from sendoff_actors.handoffs import Tick
from sendoff_config.settings import PostgresSettings
from sendoff_control import authority
from sendoff_control.authority import decide
from sendoff_db.clock import DatabaseClock
from sendoff_db.locks import CLAIMS
from sendoff_db.pool import open_pool
from sendoff_db.sql import read_statement
from sendoff_domain.control import Action, Command
from support.waiting import eventually

TICK = Tick("one", 0, 0.0, 10, True)


@asynccontextmanager
async def claiming(url: str) -> AsyncIterator[Claiming]:
    async with open_pool(PostgresSettings(url=url), "test") as pool:
        clock = DatabaseClock()
        async with pool.connection() as connection:
            await clock.sample(connection)
        yield Claiming(pool=pool, clock=clock, holder="one", horizon=timedelta(0), lease=timedelta(seconds=8))


async def put_one(url: str) -> UUID:
    message_id = uuid4()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO due (message_id, customer_id, due_at, visible_at) VALUES (%s, 'default', now(), now())",
            (message_id,),
        )
    return message_id


async def held(url: str) -> int:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute("SELECT count(*) FROM due WHERE holder IS NOT NULL")
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])


async def waiting_for_a_lock(url: str) -> bool:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(
            "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.rowcount > 0


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a command wait for a claim as long as the test needs, however busy the machine is."""
    monkeypatch.setattr(authority, "_PATIENCE", "1min")
    monkeypatch.setattr(authority, "_IDLE", "1min")


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("scope", ["global", "default"])
async def test_a_claim_that_meets_a_stop_waits_and_then_claims_nothing(sendoff_database: str, scope: str) -> None:
    await put_one(sendoff_database)
    async with (
        claiming(sendoff_database) as slice_,
        await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as connection,
    ):
        async with connection.transaction():
            await decide(connection, Command(Action.STOP, scope=scope), "http")
            claim = asyncio.create_task(slice_.claim(TICK))
            await eventually(lambda: waiting_for_a_lock(sendoff_database), "the claim waits for the stop")
        await claim

    assert await held(sendoff_database) == 0


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("scope", ["global", "default"])
async def test_a_stop_that_meets_a_claim_commits_after_it(sendoff_database: str, scope: str) -> None:
    async with (
        await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as claimer,
        await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as connection,
    ):
        async with claimer.transaction():
            await claimer.execute(read_statement("sendoff_actors.claimer", "share_claim_lock"), {"lock": CLAIMS})
            stop = asyncio.create_task(decide(connection, Command(Action.STOP, scope=scope), "http"))
            await eventually(lambda: waiting_for_a_lock(sendoff_database), "the stop waits for the claim")
            assert not stop.done()
        await stop


async def test_a_tick_claims_once_however_often_it_arrives(sendoff_database: str) -> None:
    async with claiming(sendoff_database) as slice_:
        tick = Tick("one", 7, slice_.clock.now() + 60, 1, False)
        before, after = await put_one(sendoff_database), await put_one(sendoff_database)
        await asyncio.gather(*(slice_.claim(tick) for _ in range(5)))

    assert await held(sendoff_database) == 1
    assert before != after


@pytest.mark.usefixtures("patient")
async def test_a_stop_waits_for_the_claims_before_it_only(sendoff_database: str) -> None:
    """With claims that overlap one another without end, too."""
    async with (
        await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as first,
        await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as connection,
        claiming(sendoff_database) as slice_,
    ):
        await put_one(sendoff_database)
        async with first.transaction():
            await first.execute(read_statement("sendoff_actors.claimer", "share_claim_lock"), {"lock": CLAIMS})
            stop = asyncio.create_task(decide(connection, Command(Action.STOP), "http"))
            await eventually(lambda: waiting_for_a_lock(sendoff_database), "the stop waits for the first claim")
            second = asyncio.create_task(slice_.claim(TICK))
            await asyncio.wait({second}, timeout=0.2)
            assert not second.done(), "the second claim waits behind the stop"
        await stop
        assert await second == []
