"""The check of a signature takes what our own signing makes, and nothing else."""

import pytest

from sendoff_domain.signature_check import TOLERANCE, find_signature_fault
from sendoff_domain.webhook_request import request_headers

KEYS = [b"k" * 24, b"l" * 24]
NOW = 1_700_000_000


def headers(keys: list[bytes]) -> dict[str, str]:
    return request_headers(
        {}, webhook_id="msg_1", attempt_number=1, unix_seconds=NOW, body=b"{}", keys=keys, user_agent="test"
    )


@pytest.mark.parametrize("keys", [KEYS, KEYS[:1], KEYS[::-1]])
def test_what_one_of_the_keys_has_signed_is_taken(keys: list[bytes]) -> None:
    for away in (0, TOLERANCE, -TOLERANCE):
        assert find_signature_fault(headers(keys), b"{}", KEYS[:1], NOW + away) == ""


def test_anything_else_is_told_in_words() -> None:
    signed = headers(KEYS[:1])
    for changed, body, words in [
        ({}, b"{} ", "another secret"),
        ({"webhook-id": "msg_2"}, b"{}", "another secret"),
        ({"webhook-timestamp": str(NOW + 1)}, b"{}", "another secret"),
        ({"webhook-timestamp": str(NOW - TOLERANCE - 1)}, b"{}", "301 s away"),
        ({"webhook-timestamp": "soon"}, b"{}", "no number"),
        ({"webhook-signature": "v1,ä"}, b"{}", "another secret"),
        ({"webhook-signature": ""}, b"{}", "another secret"),
    ]:
        assert words in find_signature_fault({**signed, **changed}, body, KEYS[:1], NOW), changed
    assert find_signature_fault({}, b"{}", KEYS, NOW).startswith("it has no webhook-id")
    assert "another secret" in find_signature_fault(signed, b"{}", KEYS[1:], NOW)
