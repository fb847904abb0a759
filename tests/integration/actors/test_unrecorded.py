"""A failed attempt waits until it is recorded; until then its message is held, and it is never made twice unseen."""

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID

import msgspec
import pytest

from sendoff_actors.handoffs import FailedAttempt, Queue
from sendoff_config.service import run_services
from support.messages import accept
from support.receiver import Receiver
from support.refusals import refusing
from support.servers import RedisUrls
from support.waiting import eventually
from support.worker import Worker, open_worker

ATTEMPTS = "SELECT generation, attempt, status_code FROM attempts ORDER BY 1, 2"


@pytest.fixture
async def failing(sender: Worker, receiver: Receiver) -> tuple[Worker, UUID]:
    """A process with a message whose first attempt has failed, and which has just been handed that."""
    receiver.answer(500)
    (message_id,) = await accept(sender.db)
    await sender.accept()
    await sender.requests_over()
    await sender.record()
    (((failure,),),) = await sender.handed_on(Queue.RETRIER)
    sender.parts.unrecorded.take([msgspec.convert(failure, FailedAttempt)])
    return sender, message_id


def held(worker: Worker) -> list[UUID]:
    return [UUID(hex=message.claimed.id) for message in worker.parts.sender.holdings.ending_before(float("inf"))]


@pytest.mark.parametrize("table", ["attempts", "retries"])
@pytest.mark.parametrize("sqlstate", ["25006", "42501", "53100", "P0001", "XX000", "22003"])
async def test_a_failed_attempt_that_is_refused_for_a_while_is_recorded_once(
    failing: tuple[Worker, UUID], receiver: Receiver, table: str, sqlstate: str
) -> None:
    worker, message_id = failing
    async with AsyncExitStack() as services:
        async with refusing(worker.db, table, sqlstate):
            await services.enter_async_context(run_services(worker.parts.unrecorded.batches))
            await asyncio.sleep(0.3)
            assert held(worker) == [message_id], "its lease is renewed, so that it is not sent again"
        await eventually(lambda: held(worker) == [], "it is recorded")
    assert await worker.rows(ATTEMPTS) == [(0, 1, 500)]
    assert await worker.rows("SELECT status, attempts FROM message_status") == [("retrying", 1)]
    assert len(receiver.received) == 1


async def test_the_lease_of_a_failed_attempt_is_renewed_while_it_waits(failing: tuple[Worker, UUID]) -> None:
    worker, message_id = failing
    await worker.db.execute("UPDATE due SET visible_at = now() + interval '1 s'")
    await worker.parts.sender.renewal.run_once()
    assert await worker.scalar("SELECT visible_at > now() + interval '5 s' FROM due")
    assert held(worker) == [message_id]


async def test_details_that_are_refused_are_left_out_and_the_attempt_counts(failing: tuple[Worker, UUID]) -> None:
    worker, _ = failing
    async with (
        refusing(worker.db, "attempts", "22021", when="NEW.detail LIKE 'the webhook%%'"),
        run_services(worker.parts.unrecorded.batches),
    ):
        await eventually(lambda: held(worker) == [], "it is recorded")
    assert await worker.rows("SELECT attempt, status_code, detail, answer FROM attempts") == [
        (1, 500, "the database refused the details of this attempt", b"")
    ]
    assert await worker.rows("SELECT status, attempts FROM message_status") == [("retrying", 1)]


async def test_one_attempt_that_is_refused_for_good_is_held_no_longer_and_holds_back_no_other(
    failing: tuple[Worker, UUID],
) -> None:
    worker, refused = failing
    (other,) = await accept(worker.db)
    await worker.accept()
    await worker.requests_over()
    await worker.record()
    (((failure,),),) = await worker.handed_on(Queue.RETRIER)
    worker.parts.unrecorded.take([msgspec.convert(failure, FailedAttempt)])
    async with (
        refusing(worker.db, "attempts", "P0001", when=f"NEW.message_id = '{refused}'"),
        run_services(worker.parts.unrecorded.batches),
    ):
        await eventually(lambda: held(worker) == [refused], "the other one is recorded")
        await eventually(lambda: held(worker) == [], "it is set aside")
    assert dict(await worker.rows("SELECT id, status FROM message_status")) == {refused: "sending", other: "retrying"}


async def test_an_attempt_that_took_longer_than_half_an_hour_is_recorded(failing: tuple[Worker, UUID]) -> None:
    worker, _ = failing
    (waiting,) = worker.parts.unrecorded.batches._items
    long = msgspec.structs.replace(waiting.failure, duration_us=10 * 3600 * 10**6)
    assert await worker.parts.retrying.handle([long]) == []
    assert await worker.scalar("SELECT duration_us FROM attempts") == 36_000_000_000


async def test_an_attempt_of_a_moment_without_a_partition_makes_one(failing: tuple[Worker, UUID]) -> None:
    worker, _ = failing
    partitions = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'attempts'::regclass"
    for (name,) in await worker.rows(partitions):
        await worker.db.execute(f"DROP TABLE {name}".encode())
    await worker.parts.unrecorded.batches.run_once()
    assert await worker.rows(ATTEMPTS) == [(0, 1, 500)]


async def test_an_attempt_that_outlives_its_lease_in_an_outage_is_counted_and_not_made_again(
    failing: tuple[Worker, UUID], receiver: Receiver, sendoff_database: str, redis_urls: RedisUrls, nats_url: str
) -> None:
    """The process that claims the message next learns from Redis that it was tried, whichever process that is."""
    worker, message_id = failing
    async with refusing(worker.db, "attempts", "25006"), run_services(worker.parts.unrecorded.batches):
        marker = f"sendoff:sent:{message_id.hex}:0"
        assert await eventually(lambda: worker.cache.exists(marker), "it is marked")
    await worker.db.execute("UPDATE due SET visible_at = now() - interval '1 s'")

    async with open_worker(sendoff_database, redis_urls, nats_url, receiver=receiver, instance="two") as other:
        await other.join()
        await other.accept()
        await other.requests_over()
        await other.record()
        (((failure,),),) = await other.handed_on(Queue.RETRIER)
        other.parts.unrecorded.take([msgspec.convert(failure, FailedAttempt)])
        await other.parts.unrecorded.batches.run_once()
        assert len(receiver.received) == 1
        assert await other.rows(ATTEMPTS) == [(0, 1, 500)]
        assert await other.rows("SELECT status, attempts FROM message_status") == [("retrying", 1)]

        await other.db.execute("UPDATE retries SET next_attempt_at = now()")
        receiver.answer(200)
        await other.accept()
        await other.requests_over()
        await other.record()
        assert await other.rows("SELECT status, attempts FROM message_status") == [("sent", 2)], "the marker is old"
    assert [request.headers["sendoff-attempt"] for request in receiver.received] == ["1", "2"]


async def test_failures_of_a_process_that_leaves_are_recorded_before_it_goes(
    sender: Worker, receiver: Receiver
) -> None:
    """There may be no other process that would take the hand-off until this one is started again."""
    receiver.answer(500)
    await accept(sender.db, 2)
    await sender.accept()
    parts = sender.parts
    async with run_services(*parts.sender.recorder.batches, parts.unrecorded.batches):
        await parts.sender.sending.leave()
        await sender.requests_over()
        await parts.sender.sending.close(30)
        await parts.unrecorded.batches.drain(30)
    assert await sender.rows("SELECT status, attempts FROM message_status") == [("retrying", 1)] * 2
    assert await sender.handed_on(Queue.RETRIER) == []


async def test_what_has_no_attempt_left_is_buried_although_redis_takes_nothing(
    sender: Worker, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answer(500)
    (message_id,) = await accept(sender.db, retry='{"attempts": 1}')
    await sender.accept()
    await sender.requests_over()
    parts = sender.parts
    sender.broker.client.connection_pool.disconnect()
    monkeypatch.setattr(sender.broker, "hand_on", _gone)
    await sender.record()
    await parts.unrecorded.batches.run_once()
    await parts.burials.run_once()
    assert await sender.rows("SELECT id, status FROM message_status") == [(message_id, "dead")]


def _gone(*_: object) -> None:
    raise OSError("Redis is gone")


async def test_a_failed_attempt_does_not_take_the_place_of_a_newer_claim(failing: tuple[Worker, UUID]) -> None:
    """A process may hold the same message under two claims: an old one, of which an attempt waits, and a new one."""
    worker, _ = failing
    holdings = worker.parts.sender.holdings
    (waiting,) = worker.parts.unrecorded.batches._items
    (old,) = holdings.ending_before(float("inf"))
    new = holdings.add(msgspec.structs.replace(old.claimed, token=old.claimed.token + 2), 0.0)
    waiting.let_go()
    assert holdings.ending_before(float("inf")) == [new]
