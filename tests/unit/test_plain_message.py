"""The short way past the model takes nothing that the model refuses, and understands what it takes in the same way."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sendoff_domain.texts import LONGEST_RECIPIENT, LONGEST_REFERENCE
from sendoff_domain.webhook_request import CONTENT_LIMIT
from sendoff_intake.message_input import MOST_METADATA_BYTES, MOST_METADATA_KEYS
from sendoff_intake.submission import Submission
from sendoff_intake.submission_reader import SubmissionReader

NOW = datetime(2042, 1, 1, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['"', "\\", "\0", "a\n", "{[", ""]
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([2**64, -0.0, 10**400])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
MOMENTS = st.sampled_from(
    [
        "2042-01-01T00:00:00Z",
        "2042-01-01t00:00:01.1234567+01:00",
        "2041-12-31T00:00:00Z",
        "2042-01-01",
        "2042-01-02 00:00:00Z",
    ]
)
DELAYS = st.sampled_from(["0s", "90s", " 1h30m ", "2m", "99999d", "999999999d", "-1s", "1", "0.5ms", "1s\n"])
RETRIES: st.SearchStrategy[Any] = st.sampled_from(
    ["quick", "eager", None, 5, {}, {"attempts": 2}, {"waits": ["1s"]}, {"waits": []}]
)
CUSTOMERS = st.sampled_from(["default", "acme_1-X", "acme\n", "", "x" * 65, "ü", "a b"])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "to": TEXTS | st.sampled_from(["x" * LONGEST_RECIPIENT, "ü" * LONGEST_RECIPIENT, "x" * (LONGEST_RECIPIENT + 1)]),
    "content": VALUES,
    "customer": CUSTOMERS,
    "deliverAt": MOMENTS,
    "delay": DELAYS,
    "expiresAt": MOMENTS,
    "metadata": st.dictionaries(TEXTS, TEXTS, max_size=4),
    "reference": TEXTS | st.sampled_from(["x" * LONGEST_REFERENCE, "ü" * (LONGEST_REFERENCE + 1), "a\x7f"]),
    "retry": RETRIES,
}
#: Names and values in any order: some are missing, unknown, there twice, or of another type.
MEMBERS = st.lists(
    st.sampled_from(sorted(FIELDS)).flatmap(lambda name: st.tuples(st.just(name), FIELDS[name]))
    | st.tuples(st.sampled_from([*FIELDS, "deliver_at", "x"]), VALUES),
    max_size=5,
)
KEYS = st.none() | st.just("order-17")


def short(body: bytes, key: str | None = None) -> Submission | None:
    return SubmissionReader(NOW.timestamp).read_plain(body, key)


def long(body: bytes, key: str | None = None) -> Submission | None:
    read = SubmissionReader(NOW.timestamp).read_any(body, key, named="body")
    return read if isinstance(read, Submission) else None


def said(submission: Submission) -> list[object]:
    """All that two submissions of one message have in common; an integer is not the same as its float."""
    payload = submission.payload.replace(submission.hex_id.encode(), b"")
    message = [repr(getattr(submission.message, name)) for name in submission.message.__struct_fields__]
    return [payload, message, submission.key, submission.body_hash]


def agree(body: bytes, key: str | None = None) -> None:
    taken = short(body, key)
    if taken is not None:
        wanted = long(body, key)
        assert wanted is not None, "the short way took what the long way refuses"
        assert said(taken) == said(wanted)


def written(members: list[tuple[str, Any]], ascii_only: bool) -> bytes:
    """An object whose names may be there more than once."""
    parts = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=ascii_only)}" for name, value in members]
    return ("{" + ", ".join(parts) + "}").encode()


@given(MEMBERS, st.booleans(), KEYS)
def test_both_ways_agree_on_any_object(members: list[tuple[str, Any]], ascii_only: bool, key: str | None) -> None:
    good: list[tuple[str, Any]] = [("to", "jane"), ("content", "hello")]
    agree(written(members, ascii_only), key)
    missing = [member for member in good if member[0] not in dict(members)]
    agree(written(members + missing, ascii_only), key)


@given(VALUES, st.booleans(), st.integers(min_value=0), st.binary(max_size=3))
@example("a", True, 10, b'"to":"b",')
@example("a", True, 1, b'"metadata":{"a":"b","a":"c"},')
@example("a", True, 1, b'"content":"\\u0022",')
@example({"a": '"'}, True, 1, b'"content":{"b":1,"b":2},')
def test_both_ways_agree_on_what_was_damaged(content: object, ascii_only: bool, place: int, damage: bytes) -> None:
    body = json.dumps({"to": "jane", "content": content, "delay": "1h"}, ensure_ascii=ascii_only).encode()
    place %= len(body) + 1
    agree(body[:place] + damage + body[place:])
    agree(body[:place] + damage + body[place + len(damage) :])


@given(VALUES)
def test_a_name_that_is_there_twice_is_never_taken(value: object) -> None:
    for name in ("to", "content", "customer", "delay", "metadata", "reference"):
        first = {"to": "jane", "content": "hello", "customer": "default", "delay": "1h", "metadata": {}}
        first |= {"reference": "order-17"}
        assert short(written([(name, value), *first.items()], True)) is None
    inner = json.dumps(value)
    assert short(f'{{"to":"a","content":{{"x":{inner},"x":{inner}}}}}'.encode()) is None


PLAIN: list[dict[str, Any]] = [
    {},
    {"content": {"a": [1, 2.5, None, True, "ü", 'a "quoted" \\ text']}},
    {"delay": "90s", "metadata": {"a": '"b"'}},
    {"reference": 'order "4711"', "metadata": {"a": "b"}},
    {"reference": "ü" * LONGEST_REFERENCE},
    {"deliverAt": "2042-01-01T00:00:00+01:00", "expiresAt": "2042-01-02T00:00:00Z", "customer": "acme"},
    {"content": "x" * CONTENT_LIMIT, "metadata": {"a": "b"}},
    {"metadata": {str(number): "" for number in range(MOST_METADATA_KEYS)}},
    {"metadata": {"a": "x" * (MOST_METADATA_BYTES - 1)}},
]


@pytest.mark.parametrize("fields", PLAIN, ids=lambda fields: ",".join(fields) or "nothing more")
@pytest.mark.parametrize("ascii_only", [True, False])
def test_what_is_plain_takes_the_short_way(fields: dict[str, Any], ascii_only: bool) -> None:
    """Or it would be short for nobody."""
    body = json.dumps({"to": "jané", "content": "hello", **fields}, ensure_ascii=ascii_only).encode()
    assert short(body) is not None
    agree(body, "order-17")


REFUSED = [
    rb'{"to":"a","content":{"x":1,"x":"\u0022\u0022"}}',
    rb'{"to":"a","content":"b","delay":"1s","deliverAt":"2042-01-01T00:00:01Z"}',
    rb'{"to":"a","content":"b","deliverAt":"2042-01-02T00:00:00Z","expiresAt":"2042-01-02T00:00:00Z"}',
    rb'{"to":"a","content":"b","expiresAt":"2041-12-31T00:00:00Z"}',
    rb'{"to":"a","content":"b","delay":"1h","expiresAt":"2042-01-01T00:59:59Z"}',
    rb'{"to":"a\u0000","content":"b"}',
    rb'{"to":"a","content":"b","customer":"acme\n"}',
    rb'{"to":"a","content":"b","reference":"order\n"}',
    rb'{"to":"a","content":"b","reference":""}',
    b'{"to":"a","content":"b","reference":"' + b"x" * (LONGEST_REFERENCE + 1) + b'"}',
    rb'{"to":"a","content":"b","metadata":null}',
    rb'{"to":"a","content":"b","deliver_at":"2042-01-02T00:00:00Z"}',
    rb'{"to":"a","content":1e999}',
    rb'{"to":"a","content":"b","retry":"eager"}',
    b'{"to":"a","content":' + b"[" * 101 + b"]" * 101 + b"}",
    b'{"to":"a","content":"' + b"x" * (CONTENT_LIMIT + 1) + b'"}',
    b'{"to":"a","content":"b","metadata":{"a":"' + b"x" * MOST_METADATA_BYTES + b'"}}',
    b'{"to":"a","content":"\xff"}',
    b'\xef\xbb\xbf{"to":"a","content":"b"}',
]


@pytest.mark.parametrize("body", REFUSED, ids=lambda body: body[:70].decode(errors="replace"))
def test_what_is_not_allowed_is_refused_on_both_ways(body: bytes) -> None:
    assert (short(body), long(body)) == (None, None)


def test_ids_are_of_now_and_all_different() -> None:
    reader, before = SubmissionReader(NOW.timestamp), time.time_ns() // 1_000_000
    made = [reader.read(b'{"to":"a","content":1}') for _ in range(2_000)]
    ids = {submission.hex_id for submission in made if isinstance(submission, Submission)}
    assert len(ids) == 2_000
    assert all(before <= int(one[:12], 16) <= time.time_ns() // 1_000_000 for one in ids)
    assert {one[12] for one in ids} == {"7"}
