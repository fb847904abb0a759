"""What the Sender makes of an answer."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_actors.customers import Customer
from sendoff_actors.sender.attempt import external_message_id, judge, request_headers
from sendoff_actors.sender.transport import Answer
from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.outcome import ANSWER_BYTES_KEPT, Delivered, ErrorClass, Failed
from sendoff_domain.response_rule import ResponseRule
from sendoff_domain.signature import sign
from support.claims import claimed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
TOOK = 5_000
DEFAULT = ResponseRule()
CUSTOMER = Customer(
    "default", "http://example.com/", timedelta(seconds=15), timedelta(seconds=5), RetryStrategy(), (b"k" * 32,)
)


def test_a_2xx_is_delivered_with_the_receivers_id() -> None:
    assert judge(Answer(202, b'{"messageId":"abc"}', None), TOOK, NOW, DEFAULT) == Delivered(202, TOOK, "abc")


def test_a_failure_keeps_the_beginning_of_the_answer_and_the_hint() -> None:
    outcome = judge(Answer(503, b"x" * 5000, "30"), TOOK, NOW, DEFAULT)
    assert isinstance(outcome, Failed)
    assert (outcome.error_class, outcome.status_code) == (ErrorClass.STATUS, 503)
    assert outcome.answer == b"x" * ANSWER_BYTES_KEPT
    assert outcome.retry_after == timedelta(seconds=30)
    assert not outcome.final


def test_a_redirect_is_a_failure() -> None:
    outcome = judge(Answer(302, b"", None), TOOK, NOW, DEFAULT)
    assert isinstance(outcome, Failed)
    assert outcome.error_class is ErrorClass.REDIRECT


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"messageId":"abc"}', "abc"),
        (b'{"messageId":17}', "17"),
        (b'{"other":1,"messageId":"a\\u0000b"}', "ab"),
        (b'{"messageId":"' + b"x" * 1000 + b'"}', "x" * 256),
        (b'{"messageId":null}', None),
        (b'{"messageId":["abc"]}', None),
        (b'{"messageId":true}', None),
        (b'{"messageid":"abc"}', None),
        (b'{"messageId":"abc"', None),
        (b'["messageId"]', None),
        (b"ok", None),
        (b"", None),
        (b"\xff\xfe", None),
        (b'{"messageId":"\xff"}', None),
        (b"[" * 60_000, None),
        (b'{"a":' * 10_000, None),
    ],
)
def test_the_receivers_id_is_read_from_json_only(body: bytes, expected: str | None) -> None:
    assert external_message_id(body) == expected


@given(st.integers(200, 599), st.binary(), st.none() | st.text())
def test_no_answer_breaks_the_judgement(status: int, body: bytes, retry_after: str | None) -> None:
    assert isinstance(judge(Answer(status, body, retry_after), TOOK, NOW, DEFAULT), Delivered | Failed)


@given(st.text(), st.text())
def test_no_id_in_json_breaks_the_reading(key: str, value: str) -> None:
    for name in ("messageId", key):
        found = external_message_id(json.dumps({name: value}).encode())
        assert found is None or "\0" not in found


def test_every_attempt_has_the_same_id_and_its_own_number() -> None:
    first, second = (request_headers(claimed(attempt=n), CUSTOMER, b"{}", 100 + n, "sendoff/1") for n in (0, 1))
    assert first["webhook-id"] == second["webhook-id"] == f"msg_{claimed().id}"
    assert (first["sendoff-attempt"], second["sendoff-attempt"]) == ("1", "2")
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("100", "101")
    assert second["webhook-signature"] == sign(CUSTOMER.keys, second["webhook-id"], 101, b"{}")
