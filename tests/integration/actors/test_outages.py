"""A server that is gone delays what a process has to write, and loses none of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from sendoff_actors.handoffs import Queue
from support.messages import accept
from support.proxy import Proxy, open_proxy
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import eventually
from support.worker import Worker, open_worker


@asynccontextmanager
async def behind_proxies(
    sendoff_database: str, redis_urls: RedisUrls, nats_url: str, receiver: Receiver
) -> AsyncIterator[tuple[Worker, Proxy, Proxy]]:
    """A process that may send, and the proxies in front of its PostgreSQL and of its broker."""
    async with (
        open_proxy(sendoff_database) as postgres,
        open_proxy(redis_urls.broker) as redis,
        open_worker(
            postgres.url,
            replace(redis_urls, broker=redis.url),
            nats_url,
            beside=sendoff_database,
            receiver=receiver,
        ) as worker,
    ):
        await worker.join()
        yield worker, postgres, redis


@pytest.fixture
async def proxied(
    sendoff_database: str, redis_urls: RedisUrls, nats_url: str, receiver: Receiver
) -> AsyncIterator[tuple[Worker, Proxy, Proxy]]:
    async with behind_proxies(sendoff_database, redis_urls, nats_url, receiver) as opened:
        yield opened


async def test_deliveries_are_recorded_once_as_soon_as_postgresql_is_back(
    proxied: tuple[Worker, Proxy, Proxy], receiver: Receiver
) -> None:
    worker, postgres, _ = proxied
    receiver.hang(lambda _: True)
    await accept(worker.db, 3)
    await worker.accept()
    await eventually(lambda: len(receiver.received) == 3, "all are on the wire")
    await postgres.cut()
    receiver.let_go()
    await worker.requests_over()
    with worker.impatient():
        recording = asyncio.create_task(worker.record())
        await asyncio.wait({recording}, timeout=0.3)
        assert not recording.done()
        postgres.restore()
        await recording
    assert await worker.rows("SELECT status, count(*)::int FROM message_status GROUP BY 1") == [("sent", 3)]
    assert set(receiver.ids().values()) == {1}


async def test_what_cannot_be_given_back_is_left_to_its_lease(
    proxied: tuple[Worker, Proxy, Proxy], receiver: Receiver
) -> None:
    worker, postgres, _ = proxied
    await accept(worker.db, 3)
    batches = await worker.claim()
    await worker.parts.sender.sending.leave()
    for batch in batches:
        await worker.parts.sender.sending.accept(batch)
    await postgres.cut()
    with worker.impatient():
        await worker.record()
    assert worker.parts.sender.holdings.is_empty()
    assert await worker.scalar("SELECT count(*) FROM due WHERE holder IS NOT NULL") == 3
    assert receiver.received == []


async def test_leases_stay_as_they_are_without_postgresql(
    proxied: tuple[Worker, Proxy, Proxy], receiver: Receiver
) -> None:
    worker, postgres, _ = proxied
    receiver.hang(lambda _: True)
    await accept(worker.db)
    await worker.accept()
    (message,) = worker.parts.sender.holdings.ending_before(float("inf"))
    message.lease_until = ending = worker.clock.now() + 2
    await postgres.cut()
    with worker.impatient():
        await worker.parts.sender.renewal.run_once()
    assert message.lease_until == ending

    postgres.restore()

    async def is_renewed() -> bool:  # the first turns may meet connections that broke
        await worker.parts.sender.renewal.run_once()
        return message.lease_until > ending

    await eventually(is_renewed, "the lease is renewed")


async def test_failures_that_redis_does_not_take_are_recorded_by_this_process(
    proxied: tuple[Worker, Proxy, Proxy], receiver: Receiver
) -> None:
    worker, _, redis = proxied
    receiver.answer(500)
    await accept(worker.db, 2)
    await worker.accept()
    await worker.requests_over()
    await redis.cut()
    await worker.record()
    assert len(worker.parts.sender.holdings) == 2, "held until they are recorded"
    await worker.parts.unrecorded.batches.run_once()
    assert worker.parts.sender.holdings.is_empty()
    assert await worker.rows("SELECT status, attempts FROM message_status") == [("retrying", 1)] * 2
    assert await worker.scalar("SELECT count(*) FROM attempts") == 2

    redis.restore()
    assert await worker.handed_on(Queue.RETRIER) == []


async def test_a_clean_up_and_ticks_that_redis_does_not_take_are_dropped(
    proxied: tuple[Worker, Proxy, Proxy],
) -> None:
    """The next ones make them good: neither may pile up, nor end the service."""
    worker, _, redis = proxied
    parts = worker.parts
    await redis.cut()
    parts.extra_ticks.wake()
    await parts.extra_ticks.wait()
    await parts.extra_ticks.run_once()
    await parts.clean_up.run_once()
    redis.restore()
    assert [await worker.handed_on(queue) for queue in (Queue.CLAIMER, Queue.DEAD_LETTERER)] == [[], []]

    await parts.clean_up.run_once()
    parts.extra_ticks.wake()
    await parts.extra_ticks.wait()
    await parts.extra_ticks.run_once()
    assert await worker.handed_on(Queue.DEAD_LETTERER) == [[]]
    assert len(await worker.handed_on(Queue.CLAIMER)) == 1
