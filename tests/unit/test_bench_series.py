"""How the benchmark sums up: rounds, ratios, percentiles and verdicts."""

import math

import pytest

from bench.series import Figures, Series, beside, one, percentile
from bench.targets import TARGETS, Target


def test_a_round_is_compared_with_the_bare_runs_before_and_after_it() -> None:
    assert beside([10, 20, 40]) == (15, 30)


def test_the_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    series = Series("msg/s", (9, 50, 20), (10, 100, 10))

    assert series.ratio == 0.9
    assert (series.median, series.ceiling) == (20, 10)


def test_a_series_without_anything_beside_it_has_no_ratio() -> None:
    assert one("ms", 3).ratio is None


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert percentile(range(100, 0, -1), share) == expected


def test_a_percentile_of_nothing_is_no_number() -> None:
    assert math.isnan(percentile([], 0.99))


@pytest.mark.parametrize(
    ("value", "at_least", "verdict"),
    [(3, False, "met"), (3.1, False, "missed"), (3, True, "met"), (2.9, True, "missed"), (math.nan, False, "missed")],
)
def test_a_target_is_met_at_its_bound(value: float, at_least: bool, verdict: str) -> None:
    assert Target("x", lambda _: value, 3, at_least=at_least).verdict({})[1] == verdict


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert {target.verdict({})[1] for target in TARGETS} == {"not measured"}


def test_losses_of_all_sections_and_rounds_count_together() -> None:
    figures: Figures = {"deliver": {"lost": Series("", (0, 1, 0))}, "stop": {"lost": one("", 2)}}
    lost = next(target for target in TARGETS if target.what == "lost")

    assert lost.verdict(figures) == (3, "missed")
