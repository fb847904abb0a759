"""Quantiles of lateness from counts by bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.lateness import LATENESS_BOUNDS, estimate_quantile

PLACES = len(LATENESS_BOUNDS) + 1


def counts(**places: int) -> list[int]:
    return [places.get(f"at_{place}", 0) for place in range(PLACES)]


@pytest.mark.parametrize("nothing", [[], [0] * PLACES])
def test_nothing_has_no_quantile(nothing: list[int]) -> None:
    assert estimate_quantile(nothing, 0.5) is None


def test_a_quantile_lies_evenly_between_two_bounds() -> None:
    assert estimate_quantile(counts(at_1=10), 0.5) == pytest.approx((0.001 + 0.0025) / 2)
    assert estimate_quantile(counts(at_0=4), 1.0) == pytest.approx(0.001)


def test_one_late_message_in_a_hundred_is_not_the_median() -> None:
    found = counts(at_0=99, at_14=1)
    assert estimate_quantile(found, 0.5) < 0.001  # type: ignore[operator]
    assert estimate_quantile(found, 1.0) == 60


def test_what_is_above_all_bounds_is_the_last_one() -> None:
    assert estimate_quantile(counts(**{f"at_{PLACES - 1}": 3}), 0.5) == LATENESS_BOUNDS[-1]


@given(st.lists(st.integers(0, 1000), min_size=PLACES, max_size=PLACES), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_is_never_less_late(found: list[int], one: float, another: float) -> None:
    low, high = sorted((one, another))
    first, second = estimate_quantile(found, low), estimate_quantile(found, high)
    assert (first is None) == (second is None) == (not any(found))
    assert first is None or second is None or 0 <= first <= second + 1e-9
