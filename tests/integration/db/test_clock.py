"""The clock of a process is never ahead of the database's."""

import time

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


def test_it_follows_a_database_whose_clock_was_set_back() -> None:
    clock = DatabaseClock()
    clock.add(1_000_000.0, time.monotonic())
    clock.add(1_000_000.0 - 3600, time.monotonic())
    assert clock.now() < 1_000_000.0 - 3599


def test_a_slow_answer_does_not_pull_it_ahead_or_far_behind() -> None:
    clock = DatabaseClock()
    answered = time.monotonic()
    clock.add(1_000_000.0, answered)
    clock.add(1_000_000.0 - 0.5, answered)  # the same reading, half a second late
    before, now, after = time.monotonic(), clock.now(), time.monotonic()
    assert before - answered - 1e-6 <= now - 1_000_000.0 <= after - answered + 1e-6


def test_without_a_sample_it_knows_nothing() -> None:
    assert not DatabaseClock().known
