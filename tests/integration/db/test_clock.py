"""The clock of a process is never ahead of the database's."""

import time

import pytest

from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Connection


async def database_now(connection: Connection) -> float:
    cursor = await connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
    row = await cursor.fetchone()
    assert row is not None
    return float(row[0])


async def test_it_is_never_ahead_of_the_database(connection: Connection) -> None:
    clock = DatabaseClock()
    for _ in range(200):
        await clock.sample(connection)
        asked = clock.now()
        assert asked <= await database_now(connection)


async def test_it_is_behind_by_no_more_than_a_round_trip(connection: Connection) -> None:
    clock = DatabaseClock()
    round_trips = []
    for _ in range(50):
        started = time.monotonic()
        await clock.sample(connection)
        round_trips.append(time.monotonic() - started)
    before = await database_now(connection)
    assert clock.now() >= before - max(round_trips)


async def test_a_wait_counted_from_at_latest_is_never_too_short(connection: Connection) -> None:
    clock = DatabaseClock()
    for _ in range(200):
        before = await database_now(connection)
        await clock.sample(connection)
        assert clock.at_latest() >= before
    before = await database_now(connection)
    assert clock.at_latest() >= before


def test_after_a_slow_answer_the_time_lies_between_now_and_at_latest() -> None:
    clock, answered_at = DatabaseClock(), time.monotonic()
    clock.add(1_000_000.0, answered_at, asked_at=answered_at - 1)
    assert clock.at_latest() - clock.now() == pytest.approx(1, abs=0.1)
    clock.add(1_000_000.0 + 3600, answered_at)
    assert clock.at_latest() >= clock.now() - 0.1 > 1_000_000.0 + 3599, "it was set ahead"


def test_it_follows_a_database_whose_clock_was_set_back() -> None:
    clock = DatabaseClock()
    clock.add(1_000_000.0, time.monotonic())
    clock.add(1_000_000.0 - 3600, time.monotonic())
    assert clock.now() < 1_000_000.0 - 3599


@pytest.mark.parametrize("step", [-3600.0, -0.9, -0.5, -0.02, 0.5, 3600.0])
def test_after_any_step_it_is_never_ahead(step: float) -> None:
    """The database is asked five milliseconds before it reads its clock, and the answer takes as long."""
    clock = DatabaseClock()
    asked = time.monotonic()
    for _ in range(8):
        clock.add(1_000_000.0, asked + 0.005, asked_at=asked - 0.005)
    clock.add(1_000_000.0 + step, asked + 0.005, asked_at=asked - 0.005)
    before = clock.now()
    assert before <= 1_000_000.0 + step + time.monotonic() - asked


@pytest.mark.parametrize("step", [-0.5, 0.0])
def test_a_slow_answer_makes_it_late_until_the_next(step: float) -> None:
    """Nobody can tell whether the clock was set back meanwhile."""
    clock = DatabaseClock()
    asked = time.monotonic()
    clock.add(1_000_000.0, asked + 0.001, asked_at=asked)
    clock.add(1_000_000.0 + step, asked + 0.6, asked_at=asked)
    assert clock.now() <= 1_000_000.0 + step + time.monotonic() - asked
    clock.add(1_000_000.0 + step, asked + 0.001, asked_at=asked)
    assert clock.now() >= 1_000_000.0 + step - 0.002


def test_an_answer_that_is_a_little_slower_does_not_pull_it_back() -> None:
    clock = DatabaseClock()
    asked = time.monotonic()
    clock.add(1_000_000.0, asked, asked_at=asked)
    clock.add(1_000_000.0, asked + 0.008, asked_at=asked)
    assert clock.now() >= 1_000_000.0


def test_without_a_sample_it_knows_nothing() -> None:
    assert not DatabaseClock().known


def test_it_catches_up_with_a_reading_that_came_with_a_claim() -> None:
    """After a slow sample a process would take what was claimed as due for early."""
    clock, answered_at = DatabaseClock(), time.monotonic()
    clock.add(1_000_000.0, answered_at, asked_at=answered_at - 1)
    clock.catch_up(1_000_000.5)
    assert 1_000_000.5 <= clock.now() < 1_000_000.6
    clock.catch_up(1_000_000.2)
    assert clock.now() >= 1_000_000.5, "an older reading changes nothing"


def test_it_does_not_catch_up_with_a_clock_that_was_set_back_since() -> None:
    clock, answered_at = DatabaseClock(), time.monotonic()
    clock.add(1_000_000.0, answered_at, asked_at=answered_at - 1)
    clock.catch_up(1_000_005.0)
    assert clock.now() < 1_000_000.1
