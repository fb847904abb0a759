"""Reading commands and hints: whatever the bytes are, the result is a value."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sendoff_config.identity import Identity
from sendoff_control.protocol import Ack, Heartbeat, StateAnnouncement, decode
from sendoff_domain.control import DEFAULT_TTL, Action, Command, Desired, Rejected, parse_command

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
keys = st.sampled_from(["action", "commandId", "scope", "reason", "requestedBy", "ttl", "issuedAt", "other"])
documents = st.dictionaries(keys, json_values | st.sampled_from(["start", "stop", "2m", "2026-01-01T00:00:00Z"]))


@given(st.binary(max_size=200))
@example(b"[" * 4000)
@example(b'{"reason":' * 400)
@example(b'{"reason": "\\ud800"}')
@example(b'{"issuedAt": "9999-12-31T23:59:59-23:59"}')
def test_no_bytes_raise(payload: bytes) -> None:
    for action in (None, Action.STOP):
        assert isinstance(parse_command(payload, action), Command | Rejected)
    for kind in (StateAnnouncement, Ack, Heartbeat):
        decode(payload, kind)  # type: ignore[type-var]  # the three have no common type but Struct


@given(documents)
def test_no_json_raises_and_what_is_accepted_fits_postgresql(document: dict[str, object]) -> None:
    command = parse_command(json.dumps(document).encode(), Action.STOP)
    if isinstance(command, Command):
        for text in (command.command_id, command.scope, command.reason, command.requested_by):
            assert text is None or "\x00" not in text
            (text or "").encode()
        assert command.issued_at is None or command.issued_at.tzinfo is not None
        assert command.ttl >= timedelta(0)


@pytest.mark.parametrize("payload", [b"stop", b"STOP\n", b' {"action": "stop"} '])
def test_a_word_or_json_names_the_action_on_redis(payload: bytes) -> None:
    assert parse_command(payload) == Command(Action.STOP)


@pytest.mark.parametrize("payload", [b"", b" \n", b"{}", b'{"action": "start", "unknown": [1]}'])
def test_the_subject_names_the_action_on_nats(payload: bytes) -> None:
    assert parse_command(payload, Action.START) == Command(Action.START)


def test_every_key_is_read() -> None:
    payload = b"""{"action": "stop", "commandId": "x-1", "scope": "acme", "reason": "lunch", "requestedBy": "me",
                   "ttl": "2m", "issuedAt": "2026-01-02T03:04:05Z"}"""
    issued_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert parse_command(payload) == Command(Action.STOP, "x-1", "acme", "lunch", "me", timedelta(minutes=2), issued_at)


def test_a_command_without_a_ttl_has_thirty_seconds() -> None:
    assert Command(Action.STOP).ttl == DEFAULT_TTL == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", "malformed|truncated"),
        (b"halt", "malformed"),
        (b"{}", "expected an action"),
        (b'{"action": "halt"}', "halt"),
        (b'{"action": "stop", "ttl": "soon"}', "expected a duration"),
        (b'{"action": "stop", "ttl": 5}', "ttl"),
        (b'{"action": "stop", "issuedAt": "2026-01-02T03:04:05"}', "issuedAt"),
        (b'{"action": "stop", "scope": "a b"}', "scope"),
        (b'{"action": "stop", "commandId": ""}', "commandId"),
        (b'{"action": "stop", "reason": "\\u0000"}', "reason"),
        (b'{"action": "stop", "reason": "' + b"x" * 5000 + b'"}', "4096 bytes"),
    ],
)
def test_a_wrong_command_is_rejected_with_the_reason(payload: bytes, error: str) -> None:
    rejected = parse_command(payload)
    assert isinstance(rejected, Rejected)
    assert any(part in rejected.error for part in error.split("|"))


def test_a_subject_and_a_payload_that_disagree_are_rejected() -> None:
    assert isinstance(parse_command(b'{"action": "start"}', Action.STOP), Rejected)


def test_an_announcement_that_would_not_fit_the_database_is_no_announcement() -> None:
    announcement = StateAnnouncement("me", "global", 1, 2**63 - 1, Desired.STOPPED)
    assert decode(msgspec.json.encode(announcement), StateAnnouncement) == announcement
    assert (
        decode(
            msgspec.json.encode(announcement).replace(str(2**63 - 1).encode(), str(2**63).encode()), StateAnnouncement
        )
        is None
    )
    assert decode(msgspec.json.encode(announcement).replace(b'"global"', b'"no scope"'), StateAnnouncement) is None


def identity(instance: str) -> Identity:
    return Identity(instance, 0, "worker", "host", 1, "0", datetime(2026, 1, 1, tzinfo=UTC))


def test_a_plain_name_is_kept() -> None:
    assert identity("app-1").name == "app-1-worker-0"


@given(st.text(), st.text())
def test_names_are_safe_tokens_and_differ_when_instances_do(one: str, other: str) -> None:
    names = identity(one).name, identity(other).name
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") for name in names)
    assert (names[0] == names[1]) == (one == other)


def test_what_is_refused_is_not_sent_back_whole() -> None:
    rejected = parse_command(b'{"action": "%s"}' % (b"x" * 4_000))
    assert isinstance(rejected, Rejected)
    assert len(rejected.error) <= 300
    assert rejected.error.startswith("Invalid enum value")
    assert rejected.error.endswith("at `$.action`")
