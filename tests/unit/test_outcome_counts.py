"""Which outcomes are counted for the circuit breakers."""

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
