"""What the Retrier decides about a failed attempt."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_actors.retrier.handler import decide
from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.message import DeathReason
from support.claims import failed_attempt

STRATEGY = RetryStrategy(attempts=3, first=timedelta(seconds=10), factor=2, max=timedelta(hours=1), jitter=0.5)
ENDED = failed_attempt().ended_at


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_the_wait_counts_from_the_end_of_the_attempt() -> None:
    slow = failed_attempt(duration_us=15_000_000)
    assert decide(slow, STRATEGY, 0.0) == at(slow.started_at + 15 + 10)


def test_the_wait_counts_from_when_the_attempt_was_certainly_over() -> None:
    failure = failed_attempt(over_by=ENDED + 0.5)
    assert decide(failure, STRATEGY, 0.0) == at(ENDED + 10.5)


def test_the_second_failure_waits_longer() -> None:
    assert decide(failed_attempt(attempt=2), STRATEGY, 0.0) == at(ENDED + 20)


def test_after_the_last_attempt_the_message_is_exhausted() -> None:
    assert decide(failed_attempt(attempt=3), STRATEGY, 0.0) is DeathReason.EXHAUSTED


def test_a_final_failure_is_not_tried_again() -> None:
    assert decide(failed_attempt(final=True), STRATEGY, 0.0) is DeathReason.REJECTED


def test_the_receivers_hint_moves_the_next_attempt() -> None:
    assert decide(failed_attempt(retry_after=120.0), STRATEGY, 0.0) == at(ENDED + 120)


@pytest.mark.parametrize(("left", "expected"), [(10.0, DeathReason.EXPIRED), (10.5, at(ENDED + 10))])
def test_an_attempt_that_would_come_too_late_is_not_planned(left: float, expected: object) -> None:
    assert decide(failed_attempt(expires_at=ENDED + left), STRATEGY, 0.0) == expected


@pytest.mark.parametrize(("hint", "waited"), [(5.0, 10), (86_399.0, 86_399), (86_401.0, 86_400), (1e9, 86_400)])
def test_a_hint_counts_if_it_is_longer_than_the_strategy_and_up_to_a_day(hint: float, waited: int) -> None:
    assert decide(failed_attempt(retry_after=hint), STRATEGY, 0.0) == at(ENDED + waited)


def test_a_hint_gives_no_attempt_more_and_none_after_the_expiry() -> None:
    assert decide(failed_attempt(attempt=3, retry_after=1.0), STRATEGY, 0.0) is DeathReason.EXHAUSTED
    assert decide(failed_attempt(retry_after=60.0, expires_at=ENDED + 60), STRATEGY, 0.0) is DeathReason.EXPIRED


@given(
    st.integers(1, 2), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 1e9), st.none() | st.floats(0, 1e6)
)
def test_a_retry_comes_no_sooner_than_strategy_and_hint_say_no_later_than_both_and_before_the_expiry(
    attempt: int, entropy: float, hint: float | None, left: float | None
) -> None:
    expires_at = None if left is None else ENDED + left
    decision = decide(failed_attempt(attempt=attempt, retry_after=hint, expires_at=expires_at), STRATEGY, entropy)
    planned, asked = 10.0 * attempt, min(hint or 0.0, 86_400.0)
    soonest, latest = max(planned, asked), max(planned * 1.5, asked)
    if isinstance(decision, DeathReason):
        assert decision is DeathReason.EXPIRED
        assert left is not None
        assert left <= latest + 1e-3
    else:
        assert at(ENDED + soonest - 1e-3) <= decision <= at(ENDED + latest + 1e-3)
        assert expires_at is None or decision.timestamp() < expires_at + 1e-3


@given(st.integers(1, 2), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 1e9))
def test_the_next_attempt_is_never_before_the_end_of_the_last(
    attempt: int, entropy: float, retry_after: float | None
) -> None:
    decision = decide(failed_attempt(attempt=attempt, retry_after=retry_after), STRATEGY, entropy)
    assert isinstance(decision, datetime)
    assert decision >= at(ENDED + 10)
