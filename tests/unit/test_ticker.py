"""When the ticker ticks."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from sendoff_actors.claimer.handler import ClaimTurns
from sendoff_actors.claimer.ticker import ExtraTicks, Ticker, resting_intervals
from sendoff_actors.handoffs import Tick
from sendoff_config.process_index import ProcessIndex
from sendoff_config.settings import SchedulerSettings
from sendoff_db.clock import DatabaseClock
from sendoff_domain.errors import UnavailableError

INTERVAL = 0.05
ALONE = ProcessIndex(0, 1)
SETTINGS = SchedulerSettings(interval=timedelta(seconds=INTERVAL), batch_size=7)


@pytest.fixture
def clock() -> DatabaseClock:
    clock = DatabaseClock()
    clock.add(1_800_000_000.0, time.monotonic())
    return clock


def ticker(
    clock: DatabaseClock,
    send: Callable[[Tick], Awaitable[None]],
    *,
    process: ProcessIndex = ALONE,
    settings: SchedulerSettings = SETTINGS,
    running: bool = True,
    idle: bool = False,
) -> Ticker:
    return Ticker(
        instance="one",
        process=process,
        settings=settings,
        clock=clock,
        is_running=lambda: running,
        is_idle=lambda: idle,
        send=send,
    )


async def turn(*tickers: Ticker) -> None:
    """One turn of each of them, at the same time."""
    await asyncio.gather(*(each.wait() for each in tickers))
    for each in tickers:
        await each.run_once()


async def test_each_interval_has_one_tick_that_ends_with_it(clock: DatabaseClock) -> None:
    ticks: list[tuple[Tick, float]] = []

    async def send(tick: Tick) -> None:
        ticks.append((tick, clock.now()))

    own = ticker(clock, send)
    while len(ticks) < 5:
        await turn(own)
    numbers = [tick.number for tick, _ in ticks]
    assert numbers == sorted(set(numbers))
    for tick, sent_at in ticks:
        assert sent_at >= tick.number * INTERVAL, "never before its interval"
        assert tick.until == pytest.approx((tick.number + 1) * INTERVAL)
        assert (tick.instance, tick.batch_size, tick.drain) == ("one", 7, False)


async def test_the_processes_of_a_draining_instance_tick_in_turn(clock: DatabaseClock) -> None:
    numbers: dict[int, list[int]] = {0: [], 1: []}
    settings = SETTINGS.model_copy(update={"drain": True})

    def member(index: int) -> Ticker:
        async def send(tick: Tick) -> None:
            numbers[index].append(tick.number)

        return ticker(clock, send, process=ProcessIndex(index, 2), settings=settings)

    both = [member(0), member(1)]
    while min(map(len, numbers.values())) < 2:
        await turn(*both)
    assert {number % 2 for number in numbers[0]} == {0}
    assert {number % 2 for number in numbers[1]} == {1}


@pytest.mark.parametrize(("drain", "ticks"), [(True, 1), (False, 0)])
async def test_only_a_draining_instance_ticks_out_of_turn(clock: DatabaseClock, drain: bool, ticks: int) -> None:
    sent: list[Tick] = []

    async def send(tick: Tick) -> None:
        sent.append(tick)

    extra = ExtraTicks(
        instance="one",
        settings=SETTINGS.model_copy(update={"drain": drain}),
        is_running=lambda: True,
        ask=lambda: False,
        send=send,
    )
    extra.wake()
    extra.wake()
    with contextlib.suppress(TimeoutError):
        while True:
            await asyncio.wait_for(extra.wait(), 0.1)
            await extra.run_once()
    assert len(sent) == ticks


async def test_a_stopped_instance_does_not_tick(clock: DatabaseClock) -> None:
    async def send(tick: Tick) -> None:
        raise AssertionError(f"ticked: {tick}")

    stopped = ticker(clock, send, running=False)
    for _ in range(3):
        await turn(stopped)
    await ExtraTicks(
        instance="one", settings=SETTINGS, is_running=lambda: False, ask=lambda: False, send=send
    ).run_once()


async def test_a_claim_under_way_spares_an_extra_tick() -> None:
    sent: list[Tick] = []

    async def send(tick: Tick) -> None:
        sent.append(tick)

    turns = ClaimTurns()
    extra = ExtraTicks(instance="one", settings=SETTINGS, is_running=lambda: True, ask=turns.ask, send=send)
    assert turns.take(wait=False)
    turns.begin()
    await extra.run_once()
    assert (len(sent), turns.is_wanted) == (0, True)
    turns.give_back()
    await extra.run_once()
    assert len(sent) == 1


async def test_a_tick_that_redis_does_not_take_is_followed_by_the_next(clock: DatabaseClock) -> None:
    numbers: list[int] = []

    async def send(tick: Tick) -> None:
        numbers.append(tick.number)
        raise UnavailableError("no Redis")

    own = ticker(clock, send)
    while len(numbers) < 2:
        await turn(own)
    assert numbers[0] < numbers[1]


async def test_intervals_that_were_missed_are_not_made_up_for(clock: DatabaseClock) -> None:
    numbers: list[int] = []

    async def send(tick: Tick) -> None:
        numbers.append(tick.number)

    own = ticker(clock, send)
    await turn(own)
    clock.add(1_800_000_000.0 + 60, time.monotonic())  # the process was stopped for a minute
    await turn(own)
    assert len(numbers) == 2
    assert numbers[1] - numbers[0] >= 60 / INTERVAL - 1


@pytest.mark.parametrize(
    ("interval", "horizon", "expected"), [(100, 500, 4), (50, 500, 9), (400, 500, 1), (1000, 500, 1), (100, 0, 1)]
)
def test_an_idle_instance_rests_no_longer_than_its_horizon_allows(interval: int, horizon: int, expected: int) -> None:
    settings = SchedulerSettings(
        interval=timedelta(milliseconds=interval), horizon=timedelta(milliseconds=horizon), drain=True
    )

    assert resting_intervals(settings) == expected


@pytest.mark.parametrize("idle", [False, True])
def test_the_processes_of_a_draining_instance_take_turns_at_rest_and_at_work(clock: DatabaseClock, idle: bool) -> None:
    async def send(_: Tick) -> None:
        """No queue takes it."""

    draining = SchedulerSettings(interval=timedelta(milliseconds=100), horizon=timedelta(milliseconds=500), drain=True)
    processes = [ticker(clock, send, process=ProcessIndex(n, 3), settings=draining, idle=idle) for n in range(3)]
    owners = [[index for index in range(3) if processes[index].is_mine(number)] for number in range(90)]

    assert all(len(owner) <= 1 for owner in owners)
    assert {owner[0] for owner in owners if owner} == {0, 1, 2}
