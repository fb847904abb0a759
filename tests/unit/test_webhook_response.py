"""What a webhook's answer means for its message."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sendoff_domain.outcome import ANSWER_BYTES_KEPT, Delivered, ErrorClass, Failed, Outcome
from sendoff_domain.response_rule.rule import ResponseRule
from sendoff_domain.webhook_response import Response, classify_response, external_message_id, external_message_id_at
from support.effort import Effort

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
TOOK = 5_000
DEFAULT = ResponseRule()
KEYWORDS = [
    *("type", "enum", "const", "items", "prefixItems", "contains", "properties", "patternProperties", "required"),
    *("additionalProperties", "propertyNames", "allOf", "anyOf", "oneOf", "not", "if", "then", "pattern", "minimum"),
    *("multipleOf", "maxLength", "uniqueItems", "maxItems", "$ref", "$defs", "dependentSchemas", "unevaluatedItems"),
]


def classify(
    status_code: int,
    body: bytes = b"",
    retry_after: str | None = None,
    *,
    rule: ResponseRule = DEFAULT,
    is_cut: bool = False,
) -> Outcome:
    """Classify an answer that took five milliseconds."""
    response = Response(status_code, body, retry_after, is_cut)
    return classify_response(rule, response, duration_us=TOOK, now=NOW)


def test_a_2xx_is_delivered_with_the_receivers_id() -> None:
    assert classify(202, b'{"messageId":"abc"}') == Delivered(202, TOOK, "abc")


def test_a_failure_keeps_the_beginning_of_the_answer_and_the_hint() -> None:
    outcome = classify(503, b"x" * 5000, "30")
    assert isinstance(outcome, Failed)
    assert (outcome.error_class, outcome.status_code) == (ErrorClass.STATUS, 503)
    assert outcome.answer == b"x" * ANSWER_BYTES_KEPT
    assert outcome.retry_after == timedelta(seconds=30)
    assert not outcome.final


def test_only_2xx_is_delivered() -> None:
    delivered = [status for status in range(100, 600) if isinstance(classify(status), Delivered)]
    assert delivered == list(range(200, 300))


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308, 399])
def test_a_redirect_is_a_failure_of_its_own_class(status: int) -> None:
    outcome = classify(status)
    assert isinstance(outcome, Failed)
    assert outcome.error_class is ErrorClass.REDIRECT


@pytest.mark.parametrize("status", [100, 199, 400, 404, 410, 429, 500, 503, 599])
def test_any_other_answer_fails_by_its_status(status: int) -> None:
    outcome = classify(status)
    assert isinstance(outcome, Failed)
    assert outcome.error_class is ErrorClass.STATUS


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"messageId":"abc"}', "abc"),
        (b'{"messageId":17}', "17"),
        (b' \r\n\t{"messageId":17}', "17"),
        (b'\xef\xbb\xbf{"messageId":17}', "17"),
        (b'\xef\xbb\xbf\n {"messageId":17}', "17"),
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
def test_no_answer_breaks_the_classification(status: int, body: bytes, retry_after: str | None) -> None:
    assert isinstance(classify(status, body, retry_after), Delivered | Failed)


@given(st.text(), st.text())
def test_no_id_in_json_breaks_the_reading(key: str, value: str) -> None:
    for name in ("messageId", key):
        found = external_message_id(json.dumps({name: value}).encode())
        assert found is None or "\0" not in found


@pytest.mark.parametrize(
    ("pointer", "body", "expected"),
    [
        ("/data/0/id", b'{"data":[{"id":"abc"}]}', "abc"),
        ("/data/0/id", b'{"data":[{"id":17}]}', "17"),
        ("", b'"abc"', "abc"),
        ("/id", b'{"id":"a\\u0000b"}', "ab"),
        ("/id", b'{"id":"' + b"x" * 1000 + b'"}', "x" * 256),
        ("/id", b'{"id":' + b"1" * 4300 + b"}", "1" * 256),
        ("/id", b'{"id":true}', None),
        ("/id", b'{"id":1.5}', None),
        ("/id", b'{"id":null}', None),
        ("/id", b'{"messageId":"abc"}', None),
        ("/id", b"[" * 60_000, None),
        ("/id", b'{"id":"\xff"}', None),
        ("/id", b"ok", None),
        ("/id", b"", None),
    ],
)
def test_a_rule_says_where_the_receivers_id_is(pointer: str, body: bytes, expected: str | None) -> None:
    assert external_message_id_at(pointer, body) == expected


@pytest.mark.parametrize(
    ("fields", "answer", "expected"),
    [
        ({"statuses": [200, 204]}, (206, b"", False), (ErrorClass.RESPONSE_RULE, "statuses: 206 is not one of")),
        ({"statuses": [200]}, (500, b"", False), (ErrorClass.STATUS, "the webhook answered 500")),
        ({"statuses": ["4xx"]}, (410, b"", False), (ErrorClass.STATUS, "the webhook answered 410")),
        ({"statuses": [200]}, (302, b"", False), (ErrorClass.REDIRECT, "the webhook answered 302")),
        ({"pointer": "/a", "equals": 1}, (200, b"{}", False), (ErrorClass.RESPONSE_RULE, "rule: expected /a to")),
        ({"pointer": "/a", "equals": 1}, (500, b'{"a":1}', False), (ErrorClass.STATUS, "answered 500")),
        ({"bodySchema": {}}, (200, b"1", True), (ErrorClass.RESPONSE_RULE, "too long to be read")),
    ],
)
def test_an_answer_that_does_not_count_fails(
    fields: dict[str, Any], answer: tuple[int, bytes, bool], expected: tuple[ErrorClass, str]
) -> None:
    status_code, body, is_cut = answer
    outcome = classify(status_code, body, rule=ResponseRule.model_validate(fields), is_cut=is_cut)
    assert isinstance(outcome, Failed)
    assert outcome.error_class is expected[0]
    assert expected[1] in outcome.detail
    assert not outcome.final


def test_an_answer_that_counts_is_delivered_whatever_its_status() -> None:
    rule = ResponseRule.model_validate({"statuses": [409], "pointer": "/a", "equals": 1, "externalId": "/b"})
    assert classify(409, b'{"a":1.0,"b":2}', rule=rule) == Delivered(409, TOOK, "2")


@pytest.mark.parametrize(("status", "final"), [(404, True), (422, True), (301, True), (206, True), (500, False)])
def test_a_final_status_ends_the_retries(status: int, final: bool) -> None:
    rule = ResponseRule.model_validate({"statuses": [200], "finalStatuses": ["206", "3xx", 404, 422]})
    outcome = classify(status, b"", rule=rule)
    assert isinstance(outcome, Failed)
    assert outcome.final is final


@pytest.mark.parametrize("body", [b'{"messageId":"abc"}', b'{"messageId":17}', b"ok", b'["messageId"]', b"{"])
def test_the_usual_place_is_read_alike_by_any_rule(body: bytes) -> None:
    other = ResponseRule(statuses=("2xx", "409"))
    assert classify(200, body, rule=other) == classify(200, body)


def test_a_violated_rule_keeps_the_answer_and_the_hint() -> None:
    rule = ResponseRule.model_validate({"pointer": "/a", "equals": 1})
    outcome = classify(200, b"x" * 5000, "30", rule=rule)
    assert isinstance(outcome, Failed)
    assert (outcome.status_code, outcome.retry_after) == (200, timedelta(seconds=30))
    assert outcome.answer == b"x" * ANSWER_BYTES_KEPT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYWORDS) | st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON, st.dictionaries(st.sampled_from(KEYWORDS), JSON, min_size=1, max_size=4), st.binary() | JSON)
def test_no_schema_and_no_answer_break_the_classification(equals: object, schema: object, answer: object) -> None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    for fields in ({"bodySchema": schema}, {"pointer": "", "equals": equals}, {"pointer": "/type", "equals": equals}):
        with contextlib.suppress(ValidationError):
            rule = ResponseRule.model_validate(fields)
            with Effort() as effort:
                assert isinstance(classify(200, body, rule=rule), Delivered | Failed)
            assert effort.units < 20
