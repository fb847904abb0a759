"""Circuit breakers: outcomes of all processes are counted together, and the database decides for all of them."""

from datetime import timedelta
from typing import Any

import pytest

from sendoff_actors.sender.breakers import Breakers, OutcomeCounts
from sendoff_domain.errors import UnavailableError
from sendoff_domain.outcome import Delivered, ErrorClass, Failed, Outcome
from support.claims import claimed
from support.proxy import open_proxy
from support.servers import RedisUrls
from support.worker import Worker, open_worker

DELIVERED = Delivered(200, 1000)
REFUSED = Failed(ErrorClass.CONNECTION_REFUSED, "nobody listens", 1000)
#: Opens with the fourth failure (older ones count a little less); probes go out after a minute, then after two.
POLICY = {"minimum": 3, "first": "60s", "window": "1h"}


def answered(status_code: int) -> Failed:
    return Failed(ErrorClass.STATUS, f"the webhook answered {status_code}", 1000, status_code)


class Process:
    """The breakers of one worker process, with whom it told what."""

    def __init__(self, worker: Worker) -> None:
        self.changed: list[str] = []
        self.paused: list[tuple[str, str]] = []
        self.pause_fails = False
        self._outcomes = OutcomeCounts()
        self._breakers = Breakers(
            pool=worker.pool,
            customers=worker.customers,
            outcomes=self._outcomes,
            announce=self.changed.append,
            pause=self._pause,
        )

    async def _pause(self, customer_id: str, reason: str) -> None:
        if self.pause_fails:
            raise UnavailableError("no answer")
        self.paused.append((customer_id, reason))

    async def count(self, outcome: Outcome, times: int = 1, **fields: Any) -> None:
        """Note an outcome so many times, and write it."""
        for _ in range(times):
            self._outcomes.note(claimed(**fields), outcome)
        await self.run_once()

    async def run_once(self) -> None:
        await self._breakers.run_once()


@pytest.fixture
async def process(worker: Worker) -> Process:
    """A process that knows the default customer, whose breaker is quick to open."""
    await worker.change_customer(breaker=POLICY)
    return Process(worker)


async def is_open(worker: Worker) -> bool:
    """Whether the breaker is open, as every process reads it."""
    return bool(await worker.scalar("SELECT opened_at IS NOT NULL FROM breakers WHERE customer_id = 'default'"))


async def until_probe(worker: Worker) -> timedelta:
    wait = await worker.scalar("SELECT probe_at - now() FROM breakers WHERE customer_id = 'default'")
    assert isinstance(wait, timedelta)
    return wait


async def test_enough_failures_open_a_breaker_once(worker: Worker, process: Process) -> None:
    await process.count(answered(500), 2)
    assert not await is_open(worker)

    await process.count(REFUSED, 2)
    assert await is_open(worker)
    assert timedelta(seconds=30) < await until_probe(worker) <= timedelta(seconds=60)
    await process.count(REFUSED, 5)
    assert process.changed == ["default"]


async def test_failures_of_several_processes_open_a_breaker_together(worker: Worker, process: Process) -> None:
    others = [Process(worker), Process(worker)]
    for one, failures in zip((process, *others), (1, 1, 2), strict=True):
        assert not await is_open(worker)
        await one.count(REFUSED, failures)

    assert await is_open(worker)
    assert [one.changed for one in (process, *others)] == [[], [], ["default"]]


@pytest.mark.parametrize("status_code", [400, 404, 413, 422])
async def test_a_webhook_that_refuses_messages_keeps_its_breaker_closed(
    worker: Worker, process: Process, status_code: int
) -> None:
    await process.count(answered(status_code), 10)
    assert await worker.rows("SELECT FROM breakers") == []


async def test_successes_beside_failures_keep_a_breaker_closed(worker: Worker, process: Process) -> None:
    await process.count(REFUSED)
    await process.count(DELIVERED, 8)
    await process.count(REFUSED, 6)
    assert not await is_open(worker)

    await process.count(REFUSED, 2)
    assert await is_open(worker)


async def test_successes_alone_write_nothing(worker: Worker, process: Process) -> None:
    await process.count(DELIVERED, 100)
    assert await worker.rows("SELECT FROM breakers") == []


async def test_a_breaker_that_is_switched_off_stays_closed(worker: Worker, process: Process) -> None:
    await worker.change_customer(breaker={**POLICY, "enabled": False})
    await process.count(REFUSED, 10)
    assert not await is_open(worker)


async def test_a_probe_that_succeeds_closes_the_breaker(worker: Worker, process: Process) -> None:
    await process.count(REFUSED, 3)
    await process.count(DELIVERED)
    assert await is_open(worker), "a request from before it opened says nothing"

    await process.count(DELIVERED, probe=True)
    assert not await is_open(worker)
    assert process.changed == ["default", "default"]
    assert await worker.rows("SELECT trips, successes, failures, probe_at FROM breakers") == [(0, 0, 0, None)]


async def test_a_probe_that_fails_postpones_the_next_one_to_twice_the_wait(worker: Worker, process: Process) -> None:
    await process.count(REFUSED, 3)
    await process.count(REFUSED, probe=True)

    assert await is_open(worker)
    assert timedelta(seconds=90) < await until_probe(worker) <= timedelta(seconds=120)
    assert process.changed == ["default"]
    assert process.paused == []


async def test_a_breaker_that_is_open_for_too_long_pauses_its_customer(worker: Worker, process: Process) -> None:
    await worker.change_customer(breaker={**POLICY, "pauseAfter": "1h"})
    await process.count(REFUSED, 3)
    await worker.db.execute("UPDATE breakers SET opened_at = now() - interval '59 minutes'")
    await process.count(REFUSED, probe=True)
    assert process.paused == []

    await worker.db.execute("UPDATE breakers SET opened_at = now() - interval '61 minutes'")
    await process.count(REFUSED, probe=True)
    assert [customer for customer, _ in process.paused] == ["default"]
    assert "failed since 1:01" in process.paused[0][1]


async def test_a_webhook_that_is_gone_pauses_its_customer(process: Process) -> None:
    await process.count(answered(410))
    assert process.paused == [("default", "the webhook answered 410: it is gone")]


async def test_a_pause_that_fails_is_asked_for_again(process: Process) -> None:
    process.pause_fails = True
    await process.count(answered(410))
    process.pause_fails = False
    await process.run_once()
    await process.run_once()
    assert [customer for customer, _ in process.paused] == ["default"]


async def test_what_a_dead_database_did_not_count_is_counted_later(
    sendoff_database: str, redis_urls: RedisUrls
) -> None:
    async with (
        open_proxy(sendoff_database) as proxy,
        open_worker(proxy.url, redis_urls, beside=sendoff_database) as worker,
    ):
        await worker.change_customer(breaker=POLICY)
        process = Process(worker)
        await proxy.cut()
        with worker.impatient():
            await process.count(REFUSED, 2)
            await process.count(REFUSED, 2)
        assert await worker.rows("SELECT FROM breakers") == []

        proxy.restore()
        await process.run_once()
        assert await is_open(worker)


async def test_a_customer_that_was_deleted_fails_alone(worker: Worker, process: Process) -> None:
    await process.count(REFUSED, 3, customer="deleted")
    await process.count(REFUSED, 3)
    assert await is_open(worker)
    assert process.changed == ["default"]
