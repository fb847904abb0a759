"""The pace of a customer with a rate."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sendoff_domain.limits import Limits, slots_ahead, spacing, spread


def test_a_rate_is_kept_with_a_little_to_spare() -> None:
    assert spacing(50, timedelta(seconds=1)) == pytest.approx(0.0208)
    assert spacing(1, timedelta(minutes=1)) == pytest.approx(62.4)


def test_a_free_slot_is_one_to_claim_and_a_taken_one_is_not() -> None:
    assert slots_ahead(next_slot=90.0, now=100.0, ahead=0.0, space=1.0) == 1
    assert slots_ahead(next_slot=100.5, now=100.0, ahead=0.0, space=1.0) == 0
    assert slots_ahead(next_slot=100.5, now=100.0, ahead=2.6, space=1.0) == 3


def test_messages_start_at_their_slots_but_never_early() -> None:
    assert spread([100.0, 100.0, 100.0], next_slot=99.0, space=2.0) == [100.0, 102.0, 104.0]
    assert spread([100.0, 110.0, 110.5], next_slot=99.0, space=2.0) == [100.0, 110.0, 112.0]
    assert spread([100.0], next_slot=105.0, space=2.0) == [105.0]


@given(
    st.lists(st.floats(0, 1000), min_size=1, max_size=50).map(sorted),
    st.floats(0, 1000),
    st.floats(0.001, 100),
)
def test_no_two_messages_start_closer_than_the_spacing(due: list[float], next_slot: float, space: float) -> None:
    starts = spread(due, next_slot, space)
    assert all(start >= moment and start >= next_slot for start, moment in zip(starts, due, strict=True))
    assert all(later - earlier >= space * 0.999 for earlier, later in pairwise(starts))


@given(st.integers(1, 1000), st.floats(0, 10), st.floats(0.1, 3))
def test_no_second_holds_more_than_the_rate(rate: int, began: float, length: float) -> None:
    starts = spread([0.0] * (3 * rate), 0.0, spacing(rate, timedelta(seconds=1)))
    assert sum(began <= start < began + 1 for start in starts) <= rate


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"rate": 0}, "greater than or equal to 1"),
        ({"per": "8d"}, "expected per between 1ms and 7d"),
        ({"concurrency": 0}, "greater than or equal to 1"),
        ({"rte": 5}, "Extra inputs"),
    ],
)
def test_nonsense_is_refused(given_: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Limits.model_validate(given_)
