"""When a failed message is tried again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sendoff_domain.backoff import LONGEST_HINT, RetryStrategy, next_wait
from sendoff_domain.times import LONGEST

waits = st.timedeltas(timedelta(microseconds=1), LONGEST)
entropies = st.floats(0, 1, exclude_max=True)


@st.composite
def formulas(draw: st.DrawFn) -> RetryStrategy:
    return RetryStrategy(
        attempts=draw(st.integers(1, 1000)),
        first=draw(waits),
        factor=draw(st.floats(1, 100)),
        max=draw(waits),
        jitter=draw(st.floats(0, 1)),
    )


@st.composite
def lists(draw: st.DrawFn) -> RetryStrategy:
    listed = draw(st.lists(waits, min_size=1, max_size=20))
    return RetryStrategy(waits=tuple(listed), jitter=draw(st.floats(0, 1)))


strategies = st.one_of(formulas(), lists())


@given(strategies, st.integers(1, 1000), entropies)
def test_a_wait_exists_exactly_as_long_as_an_attempt_is_left(
    strategy: RetryStrategy, failed: int, entropy: float
) -> None:
    assert (next_wait(strategy, failed, entropy) is None) == (failed >= strategy.total_attempts)


@given(formulas(), st.integers(1, 999), entropies)
def test_a_wait_is_never_longer_than_the_cap_and_its_jitter(
    strategy: RetryStrategy, failed: int, entropy: float
) -> None:
    wait = next_wait(strategy, failed, entropy)
    if wait is not None:
        assert timedelta(0) < wait <= strategy.max * (1 + strategy.jitter) + timedelta(microseconds=2)


@given(strategies, st.integers(1, 999), entropies)
def test_jitter_only_ever_adds(strategy: RetryStrategy, failed: int, entropy: float) -> None:
    planned = next_wait(strategy, failed, 0.0)
    jittered = next_wait(strategy, failed, entropy)
    if planned is not None:
        assert jittered is not None
        assert planned <= jittered <= planned * (1 + strategy.jitter) + timedelta(microseconds=2)


@given(formulas(), st.integers(1, 998))
def test_waits_never_get_shorter(strategy: RetryStrategy, failed: int) -> None:
    following = next_wait(strategy, failed + 1, 0.0)
    if following is not None:
        assert next_wait(strategy, failed, 0.0) <= following  # type: ignore[operator]  # one before it has a wait too


@given(strategies, st.integers(1, 999), entropies, st.timedeltas(timedelta(0), timedelta(days=99_999)))
def test_a_hint_is_followed_up_to_a_day_and_never_shortens_a_wait(
    strategy: RetryStrategy, failed: int, entropy: float, hint: timedelta
) -> None:
    plain = next_wait(strategy, failed, entropy)
    hinted = next_wait(strategy, failed, entropy, hint)
    if plain is None:
        assert hinted is None
    else:
        assert hinted == max(plain, min(hint, LONGEST_HINT))


def test_the_nth_wait_is_first_times_factor_to_the_n_minus_one() -> None:
    strategy = RetryStrategy(attempts=5, first=timedelta(seconds=5), factor=3, max=timedelta(minutes=2), jitter=0)
    found = [next_wait(strategy, failed, 0.5) for failed in range(1, 6)]
    assert found == [timedelta(seconds=n) for n in (5, 15, 45, 120)] + [None]


def test_the_largest_exponent_overflows_nothing() -> None:
    strategy = RetryStrategy(attempts=1000, first=LONGEST, factor=100, max=LONGEST, jitter=1)
    assert next_wait(strategy, 999, 0.999) is not None


def test_a_first_wait_longer_than_the_cap_is_capped() -> None:
    strategy = RetryStrategy(first=timedelta(hours=2), max=timedelta(hours=1), jitter=0)
    assert next_wait(strategy, 1, 0.0) == timedelta(hours=1)


def test_a_list_of_waits_sets_the_number_of_attempts() -> None:
    strategy = RetryStrategy.model_validate({"waits": ["1s", "1m"], "jitter": 0})
    assert strategy.total_attempts == 3
    assert [next_wait(strategy, failed, 0.9) for failed in (1, 2, 3)] == [
        timedelta(seconds=1),
        timedelta(minutes=1),
        None,
    ]


def test_one_attempt_means_no_retry() -> None:
    assert next_wait(RetryStrategy(attempts=1), 1, 0.0, timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    "document",
    [
        {"waits": ["1s"], "attempts": 3},
        {"waits": []},
        {"waits": ["0s"]},
        {"attempts": 0},
        {"attempts": 1001},
        {"first": "0s"},
        {"first": "-1s"},
        {"factor": 0.5},
        {"factor": float("nan")},
        {"factor": float("inf")},
        {"jitter": 1.1},
        {"jitter": -0.1},
        {"firstWait": "1s"},
    ],
)
def test_a_strategy_that_makes_no_sense_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RetryStrategy.model_validate(document)


@given(strategies)
def test_a_strategy_survives_being_stored(strategy: RetryStrategy) -> None:
    stored = strategy.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert RetryStrategy.model_validate(stored) == strategy
