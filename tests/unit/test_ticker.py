"""When the ticker ticks."""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
import redis

from sendoff_actors.handoffs import Tick
from sendoff_actors.shares import Place
from sendoff_actors.ticker import Ticker
from sendoff_db.clock import DatabaseClock
from sendoff_domain.settings import SchedulerSettings

INTERVAL = 0.05
SETTINGS = SchedulerSettings(interval=timedelta(seconds=INTERVAL), batch_size=7)


@pytest.fixture
def clock() -> DatabaseClock:
    clock = DatabaseClock()
    clock.add(1_800_000_000.0, time.monotonic())
    return clock


def ticker(clock: DatabaseClock, send: Callable[[Tick], Awaitable[None]], running: bool = True) -> Ticker:
    return Ticker("one", Place(0, 1), SETTINGS, clock, lambda: running, send)


async def test_each_interval_has_one_tick_that_ends_with_it(clock: DatabaseClock) -> None:
    ticks: list[tuple[Tick, float]] = []

    async def send(tick: Tick) -> None:
        ticks.append((tick, clock.now()))

    last = -1
    while len(ticks) < 5:
        last = await ticker(clock, send).turn(last)
    numbers = [tick.number for tick, _ in ticks]
    assert numbers == sorted(set(numbers))
    for tick, sent_at in ticks:
        assert sent_at >= tick.number * INTERVAL, "never before its interval"
        assert tick.until == pytest.approx((tick.number + 1) * INTERVAL)
        assert (tick.instance, tick.batch_size, tick.drain) == ("one", 7, False)


async def test_a_stopped_instance_does_not_tick(clock: DatabaseClock) -> None:
    async def send(tick: Tick) -> None:
        raise AssertionError(f"ticked: {tick}")

    last = -1
    for _ in range(3):
        last = await ticker(clock, send, running=False).turn(last)


async def test_a_tick_that_redis_does_not_take_is_followed_by_the_next(clock: DatabaseClock) -> None:
    numbers: list[int] = []

    async def send(tick: Tick) -> None:
        numbers.append(tick.number)
        raise redis.ConnectionError("no Redis")

    last = -1
    while len(numbers) < 2:
        last = await ticker(clock, send).turn(last)
    assert numbers[0] < numbers[1]


async def test_intervals_that_were_missed_are_not_made_up_for(clock: DatabaseClock) -> None:
    numbers: list[int] = []

    async def send(tick: Tick) -> None:
        numbers.append(tick.number)

    await ticker(clock, send).turn(-1)
    clock.add(1_800_000_000.0 + 60, time.monotonic())  # the process was stopped for a minute
    await ticker(clock, send).turn(numbers[-1])
    assert len(numbers) <= 2
    assert await ticker(clock, send).turn(numbers[-1]) - numbers[0] >= 60 / INTERVAL - 1
