"""The pacer lets each message through at its moment and never before it, by the database's clock."""

import asyncio
import random
import time
from collections.abc import Callable

import pytest

from sendoff_actors.sender.holdings import ClaimedMessage
from sendoff_actors.sender.pacer import Pacer
from sendoff_db.clock import DatabaseClock
from sendoff_domain.errors import UnavailableError
from support.claims import claimed
from support.messages import accept
from support.receiver import Receiver
from support.waiting import eventually
from support.worker import Worker


class Arrivals:
    """What was let through, each with the moment by the database's clock."""

    def __init__(self, clock: DatabaseClock) -> None:
        self._clock = clock
        self.seen: list[tuple[float, float]] = []
        #: What is done when the pacer reads the clock, and how often it did.
        self.on_reading: Callable[[], None] = lambda: None
        self.readings = 0
        self.pacer = Pacer(clock, self._arrive, read_clock=self._read)

    async def _read(self) -> None:
        self.readings += 1
        self.on_reading()

    def _arrive(self, message: ClaimedMessage) -> None:
        self.seen.append((message.claimed.due_at, self._clock.now()))

    def add(self, *due_at: float) -> None:
        for moment in due_at:
            self.pacer.add(ClaimedMessage(claimed(due_at=moment), moment + 8))

    @property
    def due(self) -> list[float]:
        return [due_at for due_at, _ in self.seen]


@pytest.fixture
async def arrivals(worker: Worker) -> Arrivals:
    return Arrivals(worker.clock)


async def test_messages_come_in_the_order_of_their_moments_and_none_is_early(
    worker: Worker, arrivals: Arrivals
) -> None:
    start = worker.clock.now()
    moments = [start + number * 0.003 for number in range(100)]
    arrivals.add(*random.sample(moments, len(moments)))
    await eventually(lambda: len(arrivals.seen) == len(moments), "all came through")

    waited = [due_at for due_at in arrivals.due if due_at > start + 0.1]
    assert waited == sorted(waited)
    assert all(let_through >= due_at for due_at, let_through in arrivals.seen)
    database = await worker.scalar("SELECT extract(epoch FROM clock_timestamp())::float8")
    assert database >= moments[-1], "nor by the database's own clock"


async def test_what_was_due_at_its_claim_is_on_the_wire_at_once(sender: Worker, receiver: Receiver) -> None:
    """The claim has read the clock: there is no wait for another reading."""
    receiver.hang(lambda _: True)
    await accept(sender.db)
    await sender.accept()
    assert sender.parts.sender.dispatcher.in_flight == 1


async def test_an_earlier_message_is_not_held_up_by_one_that_was_there_before(
    worker: Worker, arrivals: Arrivals
) -> None:
    now = worker.clock.now()
    arrivals.add(now + 3600, now + 0.01)
    await eventually(lambda: arrivals.due == [now + 0.01], "the earlier one came through")
    assert len(arrivals.pacer) == 1


async def test_a_clock_that_is_set_back_makes_messages_wait(worker: Worker, arrivals: Arrivals) -> None:
    """The timer fires as it was set, and the clock is asked again; set right, it lets them through soon."""
    due_at = worker.clock.now() + 0.02
    arrivals.add(due_at)
    worker.clock.add(due_at - 3600, time.monotonic())
    await asyncio.sleep(0.1)
    assert arrivals.seen == []

    worker.clock.add(due_at, time.monotonic())
    await eventually(lambda: arrivals.due == [due_at], "it comes through")


async def test_what_was_taken_out_does_not_come_through(worker: Worker, arrivals: Arrivals) -> None:
    now = worker.clock.now()
    arrivals.add(now + 0.02, now + 0.03)
    assert sorted(one.claimed.due_at for one in arrivals.pacer.clear()) == [now + 0.02, now + 0.03]
    assert len(arrivals.pacer) == 0
    await asyncio.sleep(0.1)
    assert arrivals.seen == []


async def test_a_clock_that_was_set_back_unseen_is_read_before_a_message_goes_through(
    worker: Worker, arrivals: Arrivals
) -> None:
    start = worker.clock.now()
    arrivals.on_reading = lambda: worker.clock.add(start - 0.3, time.monotonic())
    arrivals.add(start + 0.25)
    await asyncio.sleep(0.4)
    assert arrivals.seen == [], "it would be early"
    assert arrivals.readings > 0


@pytest.mark.parametrize("error", [UnavailableError("PostgreSQL does not answer"), RuntimeError("what none expects")])
async def test_a_clock_that_cannot_be_read_goes_on(worker: Worker, arrivals: Arrivals, error: Exception) -> None:
    def fail() -> None:
        raise error

    arrivals.on_reading = fail
    due_at = worker.clock.now() + 0.25
    arrivals.add(due_at, due_at + 0.15, due_at + 0.3)
    await eventually(lambda: len(arrivals.due) == 3, "they come through")
    assert all(let_through >= due for due, let_through in arrivals.seen)
    assert arrivals.readings == 1, "it is not asked again at once"
