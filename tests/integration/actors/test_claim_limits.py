"""What holds customers back when a claim is shared: a pause, saturation, an open breaker, a rate, a concurrency."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from sendoff_actors.claimer.handler import Claiming
from sendoff_actors.handoffs import Claimed, Tick
from sendoff_control.authority import decide
from sendoff_domain.control import Action, Command
from support.messages import accept
from support.worker import Worker

#: As a process of an instance claims that drains: a hundred messages, those that are due now.
TICK = Tick("one", 0, 0.0, 100, True)
#: How far the slots of a rate are claimed ahead.
AHEAD = timedelta(seconds=1)


def claiming_of(worker: Worker) -> Claiming:
    return Claiming(
        pool=worker.pool,
        clock=worker.clock,
        holder="one",
        horizon=timedelta(0),
        lease=timedelta(seconds=8),
        rate_ahead=AHEAD,
    )


@pytest.fixture
def claiming(worker: Worker) -> Claiming:
    return claiming_of(worker)


async def claim(claiming: Claiming) -> list[Claimed]:
    """The messages of one claim, in the order of its batches."""
    return [message for batch in await claiming.claim(TICK) for message in batch.messages]


async def waiting(worker: Worker, limited: int, **columns: object) -> None:
    """So many messages of a customer with these columns, and one of the default customer."""
    await worker.add_customer("limited", **columns)
    await accept(worker.db, limited, customer="limited")
    await accept(worker.db)


async def customers_of(claiming: Claiming) -> list[str]:
    return sorted(message.customer for message in await claim(claiming))


async def open_breaker(worker: Worker, probe_in: timedelta) -> None:
    await worker.db.execute(
        "INSERT INTO breakers (customer_id, opened_at, probe_at) VALUES ('limited', now(), now() + %s)", (probe_in,)
    )


async def test_a_paused_customer_keeps_its_messages_until_it_is_resumed(worker: Worker, claiming: Claiming) -> None:
    await waiting(worker, 3)
    await decide(worker.db, Command(Action.STOP, scope="limited"), "http")
    assert await customers_of(claiming) == ["default"]

    await decide(worker.db, Command(Action.START, scope="limited"), "http")
    assert await customers_of(claiming) == ["limited"] * 3


async def test_a_stop_of_everything_lets_nothing_be_claimed(worker: Worker, claiming: Claiming) -> None:
    await waiting(worker, 3)
    await decide(worker.db, Command(Action.STOP), "http")
    assert await claim(claiming) == []


async def test_an_open_breaker_holds_messages_back_and_lets_one_probe_through(
    worker: Worker, claiming: Claiming
) -> None:
    await waiting(worker, 3)
    await open_breaker(worker, timedelta(hours=1))
    assert await customers_of(claiming) == ["default"]

    await worker.db.execute("UPDATE breakers SET probe_at = now()")
    (probe,) = await claim(claiming)
    assert (probe.customer, probe.probe) == ("limited", True)
    assert await claim(claiming) == [], "the next probe has to wait"


async def test_one_probe_is_sent_however_many_claim_at_once(worker: Worker) -> None:
    await waiting(worker, 20)
    await open_breaker(worker, timedelta(0))
    claimed = await asyncio.gather(*(claim(claiming_of(worker)) for _ in range(5)))
    assert [message.probe for messages in claimed for message in messages if message.customer == "limited"] == [True]


async def test_a_probe_that_a_stop_prevents_is_not_used_up(worker: Worker, claiming: Claiming) -> None:
    """A tick that was taken before claims nothing: then the probe is there for the next one."""
    await waiting(worker, 3)
    tick = Tick("one", 7, worker.clock.now() + 3600, 100, False)
    await worker.db.execute("INSERT INTO ticks (instance, tick) VALUES ('one', 7)")
    await open_breaker(worker, timedelta(0))
    assert await claiming.claim(tick) == []
    assert [message.probe for message in await claim(claiming) if message.customer == "limited"] == [True]


async def test_a_breaker_that_is_switched_off_holds_nothing_back(worker: Worker, claiming: Claiming) -> None:
    await waiting(worker, 3, breaker={"enabled": False})
    await open_breaker(worker, timedelta(hours=1))
    assert await customers_of(claiming) == ["default", *["limited"] * 3]


async def test_a_concurrency_is_room_for_so_many_that_are_claimed(worker: Worker, claiming: Claiming) -> None:
    await waiting(worker, 5, concurrency=2)
    first = await claim(claiming)
    assert sorted((message.customer, message.limited) for message in first) == [
        ("default", False),
        ("limited", True),
        ("limited", True),
    ]
    assert await claim(claiming) == [], "both are still claimed"

    over = next(message for message in first if message.customer == "limited")
    await worker.db.execute("DELETE FROM due WHERE message_id = %s::uuid", (over.id,))
    assert await customers_of(claiming) == ["limited"]


async def test_a_concurrency_holds_however_many_claim_at_once(worker: Worker) -> None:
    await waiting(worker, 40, concurrency=3)
    await asyncio.gather(*(claim(claiming_of(worker)) for _ in range(8)))
    claimed = await worker.scalar("SELECT count(*) FROM due WHERE customer_id = 'limited' AND holder IS NOT NULL")
    assert 0 < claimed <= 3


async def test_a_rate_gives_each_message_a_slot_of_its_own(worker: Worker, claiming: Claiming) -> None:
    """A tenth of a second apart, those of the next second; the rest waits in the database, where it holds no lease."""
    await waiting(worker, 30, rate=10)
    starts = [message.due_at for message in await claim(claiming) if message.customer == "limited"]
    assert 1 < len(starts) <= 10
    assert all(later - earlier >= 0.1 for earlier, later in pairwise(starts))
    assert await worker.scalar("SELECT count(*) FROM due WHERE holder IS NULL") == 30 - len(starts)


async def test_two_claims_never_give_the_same_slot(worker: Worker) -> None:
    await waiting(worker, 200, rate=100)
    claimed = await asyncio.gather(*(claim(claiming_of(worker)) for _ in range(6)))
    starts = sorted(message.due_at for messages in claimed for message in messages if message.customer == "limited")
    assert len(starts) > 10
    assert all(later - earlier >= 0.01 for earlier, later in pairwise(starts))


async def test_a_slow_rate_lets_one_through_and_then_none_until_its_next_slot(
    worker: Worker, claiming: Claiming
) -> None:
    await waiting(worker, 3, rate=1, rate_period_ms=3_600_000)
    assert await customers_of(claiming) == ["default", "limited"]
    assert await claim(claiming) == []

    await worker.db.execute("UPDATE rate_slots SET next_slot_at = now()")
    assert await customers_of(claiming) == ["limited"]


async def test_limits_hold_together(worker: Worker, claiming: Claiming) -> None:
    await waiting(worker, 30, rate=1000, concurrency=4)
    limited = [message for message in await claim(claiming) if message.customer == "limited"]
    assert len(limited) == 4
    assert all(later.due_at - earlier.due_at >= 0.001 for earlier, later in pairwise(limited))
