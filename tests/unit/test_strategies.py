"""Whose strategy counts: the message's own, or its customer's."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from sendoff_actors.handoffs import Claimed, FailedAttempt
from sendoff_domain.backoff import RetryStrategy
from sendoff_webhooks import customer as customers
from sendoff_webhooks.customer import Customer, strategy_of
from support.claims import claimed, failed_attempt

SECOND = timedelta(seconds=1)
CUSTOMER = Customer(id="default", retry=RetryStrategy(attempts=4))


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """A strategy that was read before is not read, and so not complained of, again."""
    customers._read_strategy.cache_clear()
    yield
    customers._read_strategy.cache_clear()


def test_without_one_of_its_own_the_customers_counts() -> None:
    assert strategy_of(None, CUSTOMER) is CUSTOMER.retry


def test_its_own_counts_before_the_customers() -> None:
    assert strategy_of('{"waits": ["1s", "2s"]}', CUSTOMER) == RetryStrategy(waits=(SECOND, 2 * SECOND))
    assert strategy_of('"once"', CUSTOMER).total_attempts == 1
    assert strategy_of('{"attempts": 2}', None).total_attempts == 2


def test_without_a_customer_there_is_the_default() -> None:
    assert strategy_of(None, None) == RetryStrategy()


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '{"curve": "steep"}', '{"attempts": 0}', '"eager"', "[" * 5000]
)
def test_one_that_cannot_be_read_gives_way_to_the_customers_and_is_logged_once(text: str) -> None:
    with capture_logs() as logs:
        assert strategy_of(text, CUSTOMER) is CUSTOMER.retry
        assert strategy_of(text, None) == RetryStrategy()
    assert [(line["log_level"], line["retry"]) for line in logs] == [("warning", text[:200])]


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    assert isinstance(strategy_of(text, CUSTOMER), RetryStrategy)


def test_hand_offs_carry_it_and_those_without_it_are_still_read() -> None:
    for message in (claimed(), claimed(retry='{"attempts": 2}')):
        travelled = msgspec.json.encode(message)
        assert msgspec.json.decode(travelled, type=Claimed) == message
        assert msgspec.convert(msgspec.json.decode(travelled)[:9], Claimed).retry is None
    failure = failed_attempt(retry='"once"')
    assert msgspec.json.decode(msgspec.json.encode(failure), type=FailedAttempt) == failure
