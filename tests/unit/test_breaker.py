"""When a breaker opens, and when it asks again."""

from datetime import timedelta

import pytest

from sendoff_domain.breaker import BreakerPolicy, counts_against, is_gone, next_probe, opens
from sendoff_domain.outcome import Delivered, ErrorClass, Failed

POLICY = BreakerPolicy()


@pytest.mark.parametrize(
    ("successes", "failures", "expected"),
    [(0, 9.9, False), (0, 10, True), (10, 9.9, False), (10, 10, True), (1000, 100, False), (5, 5, True)],
)
def test_it_opens_at_the_share_of_enough_requests(successes: float, failures: float, expected: bool) -> None:
    assert opens(POLICY, successes, failures) is expected


def test_one_that_is_switched_off_never_opens() -> None:
    assert not opens(BreakerPolicy(enabled=False), 0, 1_000_000)


def test_probes_come_at_twice_the_distance_up_to_the_longest() -> None:
    waits = [next_probe(POLICY, trips).total_seconds() for trips in range(8)]
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]
    assert next_probe(POLICY, 10**6) == timedelta(minutes=5)


def failed(status_code: int | None, error_class: ErrorClass = ErrorClass.STATUS) -> Failed:
    return Failed(error_class, "", 0, status_code)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Delivered(200, 0), False),
        (failed(500), True),
        (failed(503), True),
        (failed(429), True),
        (failed(408), True),
        (failed(404), False),
        (failed(422), False),
        (failed(410), False),
        (failed(302, ErrorClass.REDIRECT), True),
        (failed(None, ErrorClass.TIMEOUT), True),
        (failed(None, ErrorClass.CONNECTION_REFUSED), True),
        (failed(None, ErrorClass.FORBIDDEN_ADDRESS), True),
        (failed(None, ErrorClass.INTERRUPTED), False),
        (failed(None, ErrorClass.CUSTOMER_GONE), False),
    ],
)
def test_only_what_speaks_of_the_webhook_counts(outcome: Delivered | Failed, expected: bool) -> None:
    assert counts_against(outcome) is expected


def test_only_410_says_that_the_webhook_is_gone() -> None:
    assert is_gone(failed(410))
    assert not is_gone(failed(404))
    assert not is_gone(Delivered(200, 0))
