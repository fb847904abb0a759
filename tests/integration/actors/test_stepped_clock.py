"""The database's clock is set while messages wait for their time: none of them is early by it."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest

from sendoff_db.pool import Connection
from support.messages import accept
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import eventually
from support.worker import Worker, open_worker

#: Functions that hide PostgreSQL's own where no schema is named, and are as many seconds off as the table says.
SHADOWS = """
CREATE SCHEMA stepped;
CREATE TABLE stepped.step AS SELECT 0.0::float8 AS seconds;
CREATE FUNCTION stepped.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT pg_catalog.clock_timestamp() + (SELECT seconds FROM stepped.step) * interval ''1 second''';
CREATE FUNCTION stepped.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT pg_catalog.statement_timestamp() + (SELECT seconds FROM stepped.step) * interval ''1 second''';
CREATE FUNCTION stepped.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT pg_catalog.now() + (SELECT seconds FROM stepped.step) * interval ''1 second''';
"""
#: Between a request's start and its arrival at the receiver nothing may look early, so nothing is granted but rounding.
ROUNDING = 0.000_01


@pytest.fixture
async def stepped_database(sendoff_database: str) -> str:
    """A database whose clock a test can set."""
    name = sendoff_database.rpartition("/")[2]
    async with await psycopg.AsyncConnection.connect(sendoff_database, autocommit=True) as connection:
        await connection.execute(SHADOWS)
        await connection.execute(f'ALTER DATABASE "{name}" SET search_path = public, stepped, pg_catalog'.encode())
    return sendoff_database


@pytest.fixture
async def worker(
    stepped_database: str, redis_urls: RedisUrls, nats_url: str, receiver: Receiver
) -> AsyncIterator[Worker]:
    """A process that claims everything ahead."""
    async with open_worker(
        stepped_database, redis_urls, nats_url, receiver=receiver, horizon="30s", lease="60s", maxConcurrent=100
    ) as opened:
        await opened.join()
        yield opened


async def step_clock(connection: Connection, seconds: float) -> None:
    await connection.execute(b"UPDATE stepped.step SET seconds = %s", (seconds,))


@pytest.mark.parametrize("step", [-0.9, -0.5, -0.05, 1.5])
async def test_no_message_is_early_after_a_step_of_the_clock(worker: Worker, receiver: Receiver, step: float) -> None:
    """The messages that are looked at become due a moment after the step and later, so that the step can be known."""
    ids = await accept(worker.db, 1)
    for number in range(1, 30):
        ids += await accept(worker.db, 1, delay=timedelta(seconds=0.5 + number * 0.05))
    await worker.accept()
    await asyncio.sleep(0.2)
    await step_clock(worker.db, step)
    stepped_at = time.time()
    await eventually(lambda: len(receiver.received) == len(ids), "all are sent")

    due = dict(
        await worker.rows(
            "SELECT 'msg_' || replace(id::text, '-', ''), extract(epoch FROM deliver_at)::float8 FROM messages"
        )
    )
    early = {
        one.webhook_id: due[one.webhook_id] - (one.arrived_at + step)
        for one in receiver.received
        if one.arrived_at > stepped_at + 0.15 and one.arrived_at + step < due[one.webhook_id] - ROUNDING
    }
    assert early == {}
    assert len(ids) == len(set(receiver.ids()))
