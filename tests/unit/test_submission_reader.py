"""What is wrong with a message is a value with words for a person, whatever the door it came in by."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sendoff_domain.validation_errors import FieldError
from sendoff_domain.webhook_request import CONTENT_LIMIT
from sendoff_intake.submission import Reason, Rejected, Submission
from sendoff_intake.submission_reader import SubmissionReader, match_idempotency_key

NOW = datetime(2042, 1, 1, tzinfo=UTC)


def read(text: bytes, **options: Any) -> Submission | Rejected:
    return SubmissionReader(NOW.timestamp).read(text, **options)


def rejected(**fields: Any) -> Rejected:
    found = read(json.dumps({"to": "jane", "content": "hello", **fields}).encode())
    assert isinstance(found, Rejected)
    return found


def test_a_text_that_is_no_json_is_called_what_it_is() -> None:
    assert read(b"{") == Rejected(
        Reason.NOT_JSON,
        "the body is not valid JSON: Expecting property name enclosed in double quotes (line 1, column 2)",
    )
    line = read(b"[1", named="line")
    assert isinstance(line, Rejected)
    assert line.detail.startswith("the line is not valid JSON: ")


def test_every_mistake_is_named_and_the_first_is_the_summary() -> None:
    found = rejected(to="", delay="soon", extra=1)
    assert found.reason is Reason.INVALID
    assert [error.pointer for error in found.errors] == ["/to", "/delay", "/extra"]
    assert found.detail == "/to: expected at least 1 character (and 2 more)"


def test_what_is_no_object_has_no_pointer() -> None:
    found = read(b"[]")
    assert found == Rejected(
        Reason.INVALID, "the body: expected a JSON object", (FieldError("", "expected a JSON object"),)
    )


def test_too_large_a_content_is_measured() -> None:
    found = rejected(content="x" * (CONTENT_LIMIT + 1))
    assert found.reason is Reason.CONTENT_TOO_LARGE
    assert found.detail == f"expected at most {CONTENT_LIMIT} bytes of content, got {CONTENT_LIMIT + 1}"
    assert [error.pointer for error in found.errors] == ["/content"]


@pytest.mark.parametrize(
    "fields",
    [
        {"expiresAt": "2042-01-01T00:00:00Z"},
        {"expiresAt": "2042-01-01T01:00:00Z", "delay": "1h"},
        {"expiresAt": "2041-12-31T00:00:00Z", "retry": "quick"},
    ],
)
def test_a_message_that_expires_before_its_delivery_is_rejected(fields: dict[str, str]) -> None:
    assert [error.pointer for error in rejected(**fields).errors] == ["/expiresAt"]


def test_one_body_has_one_hash_however_it_is_written() -> None:
    def body_hash(text: bytes, key: str | None = "order-17") -> bytes | None:
        found = read(text, key=key)
        assert isinstance(found, Submission)
        return found.body_hash

    first = body_hash(b'{"to":"jane","content":{"a":1,"b":[2]}}')
    assert body_hash(b'{ "content": {"b": [2], "a": 1}, "to": "jane" }') == first
    assert body_hash(b'{"to":"jane","content":{"a":1.0,"b":[2]}}') not in (first, None)
    assert body_hash(b'{"to":"jane","content":1}', key=None) is None


@pytest.mark.parametrize("key", ["a", "order 17", "~" * 255, "!"])
def test_a_key_is_printable_ascii(key: str) -> None:
    assert match_idempotency_key(key)


@pytest.mark.parametrize("key", ["", " a", "a ", "~" * 256, "é", "a\tb", "a\n", "a\x1f0"])
def test_what_is_no_key_does_not_match(key: str) -> None:
    assert not match_idempotency_key(key)
