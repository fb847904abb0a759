"""Which rules a customer may give, and what they make of an answer."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from sendoff_domain.response_rule.rule import ResponseRule


def rule(**fields: Any) -> ResponseRule:
    return ResponseRule.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "accepted", "refused"),
    [
        ({}, {200, 204, 299}, {100, 199, 300, 304, 400, 410, 500, 799}),
        ({"statuses": ["200", 204]}, {200, 204}, {201, 206}),
        ({"statuses": ["2xx", "409"]}, {200, 299, 409}, {408, 410}),
        ({"statuses": ["4xx", "5xx"]}, {400, 499, 500, 599}, {200, 410, 600}),
    ],
)
def test_the_statuses_of_a_rule_are(fields: dict[str, Any], accepted: set[int], refused: set[int]) -> None:
    codes = rule(**fields).accepted_codes
    assert codes >= accepted
    assert not codes & refused


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"statuses": []}, "at least 1"),
        ({"statuses": ["200"] * 101}, "at most 100"),
        ({"statuses": "2xx"}, "valid tuple"),
        ({"statuses": ["ok"]}, "expected a code such as 204 or a class such as 2xx"),
        ({"statuses": ["2XX"]}, "expected a code such as 204 or a class such as 2xx"),
        ({"statuses": ["20x"]}, "expected a code such as 204 or a class such as 2xx"),
        ({"statuses": [99]}, "expected a code such as 204 or a class such as 2xx"),
        ({"statuses": [600]}, "expected a code such as 204 or a class such as 2xx"),
        ({"statuses": [200.5]}, "expected a code such as 204 or a class such as 2xx"),
        ({"statuses": [True]}, "valid string"),
        ({"statuses": [" 200"]}, "expected a code such as 204 or a class such as 2xx"),
        ({"statuses": ["２００"]}, "expected a code such as 204 or a class such as 2xx"),
        ({"statuses": ["2xx", "3xx"]}, "expected neither 1xx nor 3xx"),
        ({"statuses": [302]}, "expected neither 1xx nor 3xx"),
        ({"statuses": ["1xx"]}, "expected neither 1xx nor 3xx"),
        ({"statuses": [410]}, "nor 410"),
        ({"finalStatuses": ["404"] * 101}, "at most 100"),
        ({"finalStatuses": ["never"]}, "expected a code such as 204"),
        ({"finalStatuses": [204]}, "expected no status in both statuses and finalStatuses, but 204 is"),
        ({"statuses": ["409"], "finalStatuses": ["4xx"]}, "statuses and finalStatuses, but 409 is"),
        ({"pointer": "status", "equals": 1}, "expected a JSON pointer such as /status"),
        ({"pointer": "/" + "x" * 256, "equals": 1}, "expected a JSON pointer of at most 256 characters"),
        ({"externalId": "id"}, "expected a JSON pointer such as /status"),
        ({"externalId": None}, "valid string"),
        (
            {"pointer": "/a", "equals": 1, "bodySchema": {}},
            "either pointer and equals or bodySchema, not both",
        ),
        ({"equals": "ok"}, "expected pointer with equals"),
        ({"equals": False}, "expected pointer with equals"),
        ({"pointer": "/a"}, "expected equals with pointer"),
        ({"pointer": "/a", "equals": "x" * 5000}, "expected at most 4096 bytes as JSON"),
        ({"pointer": "/a", "equals": "a\0b"}, "expected texts without null characters"),
        ({"pointer": "/a", "equals": float("nan")}, "expected numbers that are 0 or from 0.0001 to 1e+16"),
        ({"pointer": "/a", "equals": 2**63}, "expected integers of at most 64 bits"),
        ({"pointer": "/a", "equals": {1: 2}}, "expected JSON, got a int"),
        ({"pointer": "/a", "equals": {"a": b"x"}}, "expected JSON, got a bytes"),
        ({"bodySchema": True}, "expected a value that is not yes or no"),
        ({"bodySchema": {"type": "integr"}}, "expected a JSON Schema, but at /type"),
        ({"schema": {}}, "Extra inputs"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        rule(**fields)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("equals", "found", "same"),
    [
        ("ok", '"ok"', True),
        ("ok", '"OK"', False),
        (1, "1", True),
        (1, "1.0", True),
        (1.0, "1", True),
        (1, "true", False),
        (True, "true", True),
        (True, "1", False),
        (0, "false", False),
        (None, "null", True),
        (None, "false", False),
        (None, '""', False),
        ([1, True], "[1.0, true]", True),
        ([1, True], "[true, 1]", False),
        ([1], "[1, 2]", False),
        ({"a": [1], "b": None}, '{"b": null, "a": [1]}', True),
        ({"a": 1}, '{"a": true}', False),
        ({"a": None}, "{}", False),
        ({}, "[]", False),
    ],
)
def test_a_place_must_hold_the_same_json_value(equals: Any, found: str, same: bool) -> None:
    violation = rule(pointer="/a/0", equals=equals).body_violation(f'{{"a": [{found}]}}'.encode(), is_cut=False)
    assert (violation is None) is same, violation


SCHEMA = {"properties": {"items": {"items": {"properties": {"id": {"type": "integer"}}}}}, "required": ["items"]}


@pytest.mark.parametrize(
    ("fields", "body", "said"),
    [
        ({"pointer": "/status", "equals": "ok"}, b'{"status":"no"}', ': expected /status to equal "ok", got "no"'),
        ({"pointer": "/status", "equals": None}, b"{}", ": expected /status to equal null, got nothing"),
        ({"pointer": "", "equals": "ok"}, b'"no"', ': expected the answer to equal "ok", got "no"'),
        (
            {"pointer": "/a", "equals": 1},
            b'{"a":"' + b"x" * 9000 + b'"}',
            f'expected /a to equal 1, got "{"x" * 59}…',
        ),
        ({"pointer": "/a", "equals": 1}, b'{"a":' + b"1" * 4300 + b"}", f": expected /a to equal 1, got {'1' * 60}…"),
        ({"pointer": "/a", "equals": 1}, b"ok", " pointer: the answer is not JSON: JSON is malformed"),
        ({"pointer": "/a", "equals": 1}, b"", " pointer: the answer is not JSON"),
        ({"pointer": "/a", "equals": 1}, b'{"a":"\xff"}', " pointer: the answer is not JSON"),
        ({"pointer": "/a", "equals": 1}, b"[" * 60_000, " pointer: the answer is not JSON"),
        ({"bodySchema": SCHEMA}, b'{"items":[{},{"id":1},{},{"id":"x"}]}', ' bodySchema: /items/3/id: "x" is not of'),
        ({"bodySchema": SCHEMA}, b"{}", ' bodySchema: at the top: "items" is a required property'),
        ({"bodySchema": SCHEMA}, b"<html>", " bodySchema: the answer is not JSON"),
        ({"bodySchema": {"anyOf": [{"const": 1}, {"type": "null"}]}}, b"[2]", ": at the top: [2] does not fit anyOf"),
        ({"bodySchema": {"items": {"oneOf": [True, True]}}}, b"[2]", " bodySchema: /0: 2 does not fit oneOf"),
        ({"bodySchema": {"not": {"type": "null"}}}, b"null", "at the top: null fits what not excludes"),
        ({"bodySchema": {"properties": {"a/b~": False}}}, b'{"a/b~":1}', "/a~1b~0: False schema does not allow 1"),
        ({"bodySchema": {"type": "null"}}, b"[" + b"7," * 9000 + b"7]", '…is not of type "null"'),
        ({"bodySchema": {"maxProperties": 0}}, b'{"a\\u0000":0}', '{"a\\u0000":0} has more than 0 properties'),
        ({"bodySchema": {}}, b"[" * 65 + b"]" * 65, "can't be checked: expected at most 64 levels of lists"),
        ({"bodySchema": {}}, b"18446744073709551616", "can't be checked: expected numbers that are 0 or from 1e-16"),
        ({"bodySchema": {}}, b"[1e-17]", "can't be checked: expected numbers that are 0 or from 1e-16 to 2^64, got"),
    ],
)
def test_a_violated_rule_says_which_and_where(fields: dict[str, Any], body: bytes, said: str) -> None:
    violation = rule(**fields).body_violation(body, is_cut=False)
    assert violation is not None
    assert violation.startswith("response rule")
    assert said in violation.replace("… is", "…is")
    assert len(violation) <= 400


@pytest.mark.parametrize("before", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_what_may_stand_before_json_changes_nothing(before: bytes) -> None:
    assert rule(pointer="/a", equals=1).body_violation(before + b'{"a":1}', is_cut=False) is None


@pytest.mark.parametrize("fields", [{"pointer": "/a", "equals": 1}, {"bodySchema": {}}])
def test_an_answer_that_was_cut_satisfies_no_rule_for_its_body(fields: dict[str, Any]) -> None:
    violation = rule(**fields).body_violation(b'{"a":1}', is_cut=True)
    assert violation is not None
    assert "too long to be read whole" in violation


def test_a_rule_for_the_status_alone_does_not_read_the_body() -> None:
    assert not rule(statuses=[200], externalId="/id", finalStatuses=["4xx"]).reads_body


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"statuses": [204, "5xx"], "finalStatuses": ["404"]},
        {"pointer": "/a", "equals": None},
        {"pointer": "/a", "equals": False, "externalId": ""},
        {"bodySchema": {"const": [0.0001, 9.9e15, 2**63 - 1, -1.5, "ü"]}, "externalId": "/data/0/id"},
    ],
)
def test_a_rule_is_the_same_after_it_was_stored(fields: dict[str, Any]) -> None:
    first = rule(**fields)
    stored = json.dumps(first.model_dump(mode="json", by_alias=True, exclude_unset=True))
    assert rule(**json.loads(stored)) == first


def test_the_rules_in_the_documentation_are_rules() -> None:
    text = (Path(__file__).parents[2] / "docs" / "response-rules.md").read_text(encoding="utf-8")
    first, second = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    assert rule(**first["webhook"]["responseRule"]).final_codes == {404, 422}
    assert rule(**second).body_violation(b'{"status":"queued","errors":[]}', is_cut=False) is None
