"""The three numbers of the scheduler are an exact throttle: each tick of an instance is claimed for once."""

import asyncio
from datetime import timedelta

import pytest

from sendoff_actors.claimer.handler import Claiming
from sendoff_actors.handoffs import Tick
from support.messages import accept
from support.worker import Worker

BATCH_SIZE = 2


def process(worker: Worker, instance: str) -> Claiming:
    """One process of an instance, as each of them claims."""
    return Claiming(
        pool=worker.pool,
        clock=worker.clock,
        holder=instance,
        horizon=timedelta(seconds=5),
        lease=timedelta(seconds=8),
    )


async def claimed(worker: Worker) -> dict[str, int]:
    """How many messages each instance has claimed."""
    rows = await worker.rows("SELECT holder, count(*)::int FROM due WHERE holder IS NOT NULL GROUP BY 1 ORDER BY 1")
    return dict(rows)


def tick(worker: Worker, instance: str, number: int) -> Tick:
    return Tick(instance, number, worker.clock.now() + 3600, BATCH_SIZE, False)


async def test_each_instance_claims_its_batch_at_each_tick_however_many_processes_it_has(worker: Worker) -> None:
    await accept(worker.db, 30)
    instances = {name: [process(worker, name) for _ in range(3)] for name in ("one", "two")}
    for number in range(1, 4):
        await asyncio.gather(
            *(each.claim(tick(worker, name, number)) for name, processes in instances.items() for each in processes)
        )
        assert await claimed(worker) == {"one": BATCH_SIZE * number, "two": BATCH_SIZE * number}


@pytest.mark.parametrize("number", [7, 6])
async def test_a_tick_that_was_taken_or_overtaken_claims_nothing(worker: Worker, number: int) -> None:
    await accept(worker.db, 10)
    one = process(worker, "one")
    await one.claim(tick(worker, "one", 7))
    assert await one.claim(tick(worker, "one", number)) == []
    assert await claimed(worker) == {"one": BATCH_SIZE}


async def test_a_tick_whose_interval_is_over_claims_nothing(worker: Worker) -> None:
    await accept(worker.db, 10)
    over = Tick("one", 1, worker.clock.now() - 0.001, BATCH_SIZE, False)
    assert await process(worker, "one").claim(over) == []
    assert await claimed(worker) == {}


async def test_a_throttled_claim_takes_nothing_ahead_of_its_time(worker: Worker) -> None:
    await accept(worker.db, 10, delay=timedelta(seconds=3))
    assert await process(worker, "one").claim(tick(worker, "one", 1)) == []


async def test_a_tick_that_finds_nothing_is_not_used_up(worker: Worker) -> None:
    """What becomes due later in the same interval may still go out in it."""
    one = process(worker, "one")
    assert await one.claim(tick(worker, "one", 1)) == []
    await accept(worker.db, 10)
    await one.claim(tick(worker, "one", 1))
    assert await claimed(worker) == {"one": BATCH_SIZE}
