"""Which partitions are missing."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_db.partitions import Partition, missing_ranges

NOW = datetime(2026, 11, 22, 12, 34, 56, tzinfo=UTC)
Every = st.sampled_from(["day", "hour"])
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def partition(start: datetime, end: datetime) -> Partition:
    return Partition("deliveries", "p", start, end)


def test_days_reach_from_yesterday_to_the_last_day_ahead() -> None:
    today = NOW.replace(hour=0, minute=0, second=0)
    days = [today + timedelta(days=n) for n in range(-1, 4)]
    assert missing_ranges([], "day", 2, NOW) == list(pairwise(days))


def test_hours_begin_where_an_existing_day_ends() -> None:
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    today = partition(midnight - timedelta(days=1), midnight)
    late = midnight - timedelta(minutes=30)
    expected = [
        (midnight, midnight + timedelta(hours=1)),
        (midnight + timedelta(hours=1), midnight + timedelta(hours=2)),
    ]
    assert missing_ranges([today], "hour", 2, late) == expected


def test_a_day_fills_only_the_gaps_between_existing_hours() -> None:
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    hour = timedelta(hours=1)
    existing = [partition(midnight - 24 * hour, midnight), partition(midnight + 3 * hour, midnight + 5 * hour)]
    found = missing_ranges(existing, "day", 1, NOW)
    assert found == [
        (midnight, midnight + 3 * hour),
        (midnight + 5 * hour, midnight + 24 * hour),
        (midnight + 24 * hour, midnight + 48 * hour),
    ]


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert missing_ranges([], "hour", 1, elsewhere) == missing_ranges([], "hour", 1, NOW)


@given(st.lists(st.tuples(moments, Every, st.integers(1, 5)), max_size=6))
def test_after_any_history_nothing_overlaps_and_now_is_covered(history: list[tuple[datetime, str, int]]) -> None:
    existing: list[Partition] = []
    for now, every, ahead in history:
        existing += [partition(*gap) for gap in missing_ranges(existing, every, ahead, now)]  # type: ignore[arg-type]  # one of the two
        step = timedelta(days=1) if every == "day" else timedelta(hours=1)
        for moment in (now, now + step * ahead, now - step / 2):
            assert sum(part.start <= moment < part.end for part in existing) == 1
    existing.sort(key=lambda part: part.start)
    for one, other in pairwise(existing):
        assert one.end <= other.start


@pytest.mark.parametrize("every", ["day", "hour"])
def test_what_was_made_is_not_missing_any_more(every: str) -> None:
    made = [partition(*gap) for gap in missing_ranges([], every, 3, NOW)]  # type: ignore[arg-type]  # one of the two
    assert missing_ranges(made, every, 3, NOW) == []  # type: ignore[arg-type]  # one of the two
