"""Which outcomes are counted for the circuit breakers."""

import pytest

from sendoff_actors.sender.breakers import OutcomeCount, OutcomeCounts
from sendoff_domain.outcome import Delivered, ErrorClass, Failed
from support.claims import claimed

DELIVERED = Delivered(200, 1000)
FAILED = Failed(ErrorClass.TIMEOUT, "no answer", 1000)


def test_successes_count_only_after_a_failure() -> None:
    counts = OutcomeCounts()
    counts.note(claimed(), DELIVERED)
    assert counts.take() == {}
    counts.note(claimed(), FAILED)
    counts.note(claimed(), DELIVERED)
    assert counts.take() == {"default": OutcomeCount(successes=1, failures=1)}
    assert counts.take() == {}


def test_a_count_that_is_put_back_is_added_to_what_came_meanwhile() -> None:
    counts = OutcomeCounts()
    counts.note(claimed(), FAILED)
    ((customer, first),) = counts.take().items()
    counts.note(claimed(), FAILED)
    counts.note(claimed(probe=True), DELIVERED)
    counts.put_back(customer, first)
    assert counts.take() == {"default": OutcomeCount(failures=2, probes=[True])}


@pytest.mark.parametrize("error_class", [ErrorClass.INTERRUPTED, ErrorClass.CUSTOMER_GONE])
def test_an_outcome_that_says_nothing_of_the_webhook_is_no_success(error_class: ErrorClass) -> None:
    """Counted as one it would close the breaker of a webhook that hangs, when the worker of its probe is stopped."""
    counts = OutcomeCounts()
    counts.note(claimed(probe=True), Failed(error_class, "", 0))
    counts.note(claimed(), FAILED)
    counts.note(claimed(), Failed(error_class, "", 0))
    assert counts.take() == {"default": OutcomeCount(failures=1)}
