"""What the last look before a request lets through, and what not."""

from typing import Any

import pytest

from sendoff_actors.sender.dispatcher import Skip, skip_reason
from sendoff_actors.sender.holdings import LEASE_MARGIN, ClaimedMessage
from sendoff_domain.backoff import RetryStrategy
from sendoff_webhooks.customer import Customer
from support.claims import claimed

NOW = 1_800_000_000.0
CUSTOMER = Customer(id="default", retry=RetryStrategy(attempts=3))


def look(customer: Customer | None = CUSTOMER, lease: float = 8, running: bool = True, **changes: Any) -> Skip | None:
    return skip_reason(ClaimedMessage(claimed(**changes), NOW + lease), customer, NOW, is_running=running)


def test_a_message_on_a_lease_of_a_running_customer_is_sent() -> None:
    assert look() is None
    assert look(customer=None) is None
    assert look(expires_at=NOW + 1, attempts=2, lease=LEASE_MARGIN) is None


@pytest.mark.parametrize(
    ("skip", "circumstances"),
    [
        (Skip.STOPPED, {"running": False}),
        (Skip.BREAKER_OPEN, {"customer": CUSTOMER.model_copy(update={"breaker_open": True})}),
        (Skip.LEASE_OVER, {"lease": LEASE_MARGIN - 0.01}),
        (Skip.EXPIRED, {"expires_at": NOW}),
        (Skip.CUSTOMER_UNREADABLE, {"customer": CUSTOMER.model_copy(update={"unreadable": True})}),
        (Skip.EXHAUSTED, {"attempts": 3}),
        (Skip.NOT_DUE, {"due_at": NOW + 0.001}),
    ],
)
def test_a_message_that_must_not_be_sent_is_not(skip: Skip, circumstances: dict[str, Any]) -> None:
    assert look(**circumstances) is skip


def test_a_probe_goes_through_an_open_breaker() -> None:
    assert look(customer=CUSTOMER.model_copy(update={"breaker_open": True}), probe=True) is None


def test_what_is_stopped_goes_back_although_it_has_expired() -> None:
    assert look(running=False, expires_at=NOW - 1, attempts=3) is Skip.STOPPED


@pytest.mark.parametrize(
    ("own", "attempts", "left"),
    [
        (None, 0, True),
        (None, 3, True),
        (None, 4, False),
        ('{"attempts": 2}', 1, True),
        ('{"attempts": 2}', 2, False),
        ('{"attempts": 9}', 4, True),
        ('"once"', 0, True),
        ('"once"', 1, False),
        ("nonsense", 3, True),
        ("nonsense", 4, False),
    ],
)
def test_an_attempt_is_left_by_the_strategy_that_counts(own: str | None, attempts: int, left: bool) -> None:
    customer = Customer(id="default", retry=RetryStrategy(attempts=4))
    assert look(customer, retry=own, attempts=attempts) is (None if left else Skip.EXHAUSTED)
