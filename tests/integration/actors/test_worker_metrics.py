"""What a worker counts for Prometheus, each step by itself."""

from contextlib import AsyncExitStack
from datetime import timedelta

import msgspec
from prometheus_client import generate_latest

from sendoff_actors.handoffs import FailedAttempt, Queue
from sendoff_config.metrics.process_metrics import MetricsExport
from support.actor_statements import run_statement
from support.messages import accept
from support.metrics import samples, total
from support.receiver import Receiver
from support.servers import RedisUrls
from support.waiting import eventually
from support.worker import Worker, open_worker


def numbers(worker: Worker) -> str:
    """What the process would show now."""
    return generate_latest(worker.parts.metrics.of_process.gather()).decode()


async def deliver(worker: Worker) -> None:
    """Claim what is due, send it and record what came of it."""
    await worker.accept()
    await worker.requests_over()
    await worker.record()


async def make_late(worker: Worker, seconds: float) -> None:
    """What waits has been due for so long."""
    await worker.db.execute(
        b"UPDATE due SET due_at = now() - %(by)s, visible_at = now() - %(by)s", {"by": timedelta(seconds=seconds)}
    )


async def test_a_delivery_is_counted_by_customer_once_it_is_recorded(sender: Worker) -> None:
    await sender.add_customer("acme")
    await accept(sender.db, 2)
    await accept(sender.db, customer="acme")
    await sender.accept()
    await eventually(lambda: len(sender.parts.sender.holdings) == 3, "all are held")
    assert total(numbers(sender), "sendoff_claimed_messages_total") == 3
    assert total(numbers(sender), "sendoff_held_messages") == 3
    await sender.requests_over()
    assert total(numbers(sender), "sendoff_attempts_total") == 0
    await sender.record()
    shown = numbers(sender)
    assert samples(shown, "sendoff_attempts_total", customer="default", outcome="delivered")[0][0] == 2
    assert samples(shown, "sendoff_attempts_total", customer="acme", outcome="delivered")[0][0] == 1
    assert total(shown, "sendoff_webhook_duration_seconds_count") == total(shown, "sendoff_lateness_seconds_count") == 3
    assert total(shown, "sendoff_held_messages") == 0
    assert {labels["process"] for _, labels in samples(shown, "sendoff_attempts_total")} == {"worker-0"}


async def test_lateness_is_from_when_a_message_was_due_whatever_held_it(sender: Worker) -> None:
    await accept(sender.db)
    await make_late(sender, 100)
    await deliver(sender)
    assert 100 <= total(numbers(sender), "sendoff_lateness_seconds_sum") < 130
    assert total(numbers(sender), "sendoff_lateness_seconds_bucket", le="60.0") == 0


async def test_what_a_rate_holds_is_late_by_it(sender: Worker) -> None:
    await sender.change_customer(rate=5, rate_period_ms=1000)
    await accept(sender.db, 3)
    await sender.accept()
    await eventually(lambda: len(sender.parts.sender.recorder.batches[1]._items) == 3, "the third one was sent")
    await sender.record()
    assert 0.2 + 0.4 <= total(numbers(sender), "sendoff_lateness_seconds_sum") < 5


async def test_a_failed_attempt_is_counted_by_what_it_failed_of(sender: Worker, receiver: Receiver) -> None:
    receiver.answer(500)
    await accept(sender.db)
    await deliver(sender)
    assert total(numbers(sender), "sendoff_attempts_total", outcome="status", customer="default") == 1
    assert total(numbers(sender), "sendoff_attempts_total", outcome="delivered") == 0
    assert total(numbers(sender), "sendoff_lateness_seconds_count") == 1


async def test_a_lease_that_ran_out_is_counted(worker: Worker) -> None:
    await accept(worker.db, 2)
    await worker.claim()
    await worker.db.execute(b"UPDATE due SET visible_at = now() - interval '1 s' WHERE holder IS NOT NULL")
    worker.parts.claiming._reaped_at = 0
    await worker.claim()
    assert total(numbers(worker), "sendoff_expired_leases_total") == 2
    assert total(numbers(worker), "sendoff_claimed_messages_total") == 4


async def test_a_duplicate_that_a_marker_keeps_away_is_counted_and_so_is_its_delivery(
    sender: Worker, receiver: Receiver, sendoff_database: str, redis_urls: RedisUrls, nats_url: str
) -> None:
    await accept(sender.db)
    await sender.accept()
    await sender.requests_over()
    _, markers, *_ = sender.parts.sender.recorder.batches
    await markers.run_once()
    await sender.db.execute(b"UPDATE due SET visible_at = now() - interval '1 s' WHERE holder IS NOT NULL")
    await run_statement(sender.db, "reap_expired", {})
    async with open_worker(sendoff_database, redis_urls, nats_url, receiver=receiver, instance="two") as other:
        await other.join()
        await other.accept()
        await other.record()
        shown = numbers(other)
    await sender.record()
    assert len(receiver.received) == 1
    assert total(shown, "sendoff_duplicates_avoided_total") == 1
    assert total(shown, "sendoff_attempts_total", outcome="delivered") == 1
    assert total(numbers(sender), "sendoff_attempts_total") == 0, "its claim was lost"


async def test_a_dead_letter_is_counted_by_customer_and_reason(sender: Worker, receiver: Receiver) -> None:
    receiver.answer(500)
    await sender.change_customer(retry={"attempts": 1})
    await accept(sender.db)
    await deliver(sender)
    ((failures,),) = await sender.handed_on(Queue.RETRIER)
    undeliverable = await sender.parts.retrying.handle([msgspec.convert(failures[0], FailedAttempt)])
    assert await sender.parts.burying.bury(undeliverable) == 1
    assert await sender.parts.burying.bury(undeliverable) == 0
    assert total(numbers(sender), "sendoff_dead_letters_total", reason="exhausted") == 1
    assert samples(numbers(sender), "sendoff_dead_letters_total", reason="expired")[0][0] == 0, "it begins with zero"
    assert total(numbers(sender), "sendoff_customer_dead_letters_total", customer="default") == 1


async def test_a_process_tells_of_its_pool_and_of_itself(worker: Worker) -> None:
    await worker.claim()
    await MetricsExport(worker.parts.metrics.of_process).run_once()
    shown = numbers(worker)
    assert total(shown, "sendoff_pool_max_size") == worker.pool.max_size
    assert total(shown, "sendoff_pool_requests_total") > 0
    assert total(shown, "process_resident_memory_bytes") > 1_000_000
    assert samples(shown, "sendoff_process_info", role="worker", member="one")


async def hours(worker: Worker) -> list[tuple[object, ...]]:
    """Of each customer deliveries, failed attempts, dead letters, and whether one was late, over all hours."""
    return await worker.rows(
        "SELECT customer_id, sum((SELECT sum(one) FROM unnest(lateness) AS one))::int, sum(failed)::int,"
        " sum(dead)::int, max(latest_seconds) > 50 FROM customer_hours GROUP BY customer_id ORDER BY customer_id"
    )


async def test_what_was_counted_is_added_to_the_hours_of_the_customers(sender: Worker, receiver: Receiver) -> None:
    writer = sender.parts.metrics.hours
    assert writer is not None
    await writer.run_once()
    assert await hours(sender) == []
    await sender.add_customer("acme")
    await accept(sender.db, 2)
    await make_late(sender, 100)
    await deliver(sender)
    await writer.run_once()
    await accept(sender.db)
    await accept(sender.db, customer="acme")
    receiver.answer(500)
    await deliver(sender)
    numbers(sender)  # a scrape takes nothing away
    await writer.run_once()
    await writer.run_once()
    assert await hours(sender) == [("acme", 0, 1, 0, False), ("default", 2, 1, 0, True)]


async def test_hours_that_no_connection_takes_are_written_later(sender: Worker) -> None:
    writer = sender.parts.metrics.hours
    assert writer is not None
    await accept(sender.db)
    await deliver(sender)
    async with AsyncExitStack() as held:
        for _ in range(sender.pool.max_size):
            await held.enter_async_context(sender.pool.connection())
        with sender.impatient():
            await writer.run_once()
    assert await hours(sender) == []
    await writer.run_once()
    assert await hours(sender) == [("default", 1, 0, 0, False)]
