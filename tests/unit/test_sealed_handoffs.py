"""Whatever Redis has: what is read is a hand-off of the right types, and everything else is told from it quietly."""

import hmac
import json
from typing import Any

import dramatiq
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_actors.handoffs import (
    ActorName,
    Batch,
    BrokenHandoffError,
    FailedAttempt,
    Queue,
    SealedHandoffs,
    Tick,
    Undeliverable,
)
from sendoff_domain.message import DeathReason
from support.claims import claimed, failed_attempt

KEY = b"k" * 32
SEALED = SealedHandoffs(KEY)
HANDOFFS: dict[ActorName, tuple[object, ...]] = {
    ActorName.CLAIM: (Tick("one", 1, 2.0, 10, True),),
    ActorName.SEND: (Batch("batch", 1.0, 9.0, False, [claimed(), claimed(retry='"once"', probe=True)]),),
    ActorName.RETRY: ([failed_attempt(answer=b"no \xff", retry_after=2.5)],),
    ActorName.BURY: ([Undeliverable("a" * 32, 7, DeathReason.EXPIRED)],),
    ActorName.CLEAN_UP: (),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)


def message_to(actor: ActorName) -> "dramatiq.Message[object]":
    return dramatiq.Message(actor.queue, actor, HANDOFFS[actor], {}, {"redis_message_id": "1"})


def under_key(data: bytes) -> bytes:
    return hmac.digest(KEY, data, "sha256") + data


def read_or_set_aside(sealed: bytes, queue: str) -> "dramatiq.Message[object] | None":
    """What the consumer does; any other error would end it."""
    try:
        return SEALED.read(sealed, queue)
    except BrokenHandoffError as error:
        reason = str(error)
    assert len(reason) < 300
    return None


@pytest.mark.parametrize("actor", ActorName)
def test_what_was_written_is_read_as_it_was(actor: ActorName) -> None:
    read = SEALED.read(SEALED.write(message_to(actor)), actor.queue)
    assert (read.actor_name, read.queue_name, read.args) == (actor, actor.queue, HANDOFFS[actor])
    assert read.options == {"redis_message_id": "1"}


def test_it_is_read_from_its_own_queue_only() -> None:
    assert read_or_set_aside(SEALED.write(message_to(ActorName.BURY)), Queue.RETRIER) is None


@given(st.binary(max_size=200), st.sampled_from(Queue))
def test_bytes_of_any_kind_are_no_hand_off(data: bytes, queue: Queue) -> None:
    assert read_or_set_aside(data, queue) is None
    assert read_or_set_aside(under_key(data), queue) is None


@given(st.sampled_from(ActorName), st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_hand_off_with_another_byte_is_none(actor: ActorName, position: int, change: int) -> None:
    sealed = bytearray(SEALED.write(message_to(actor)))
    sealed[position % len(sealed)] ^= change
    assert read_or_set_aside(bytes(sealed), actor.queue) is None


@given(st.data(), st.sampled_from(ActorName))
def test_another_version_may_have_changed_anything(data: st.DataObject, actor: ActorName) -> None:
    """One value of the message, at any depth, is replaced or missing: the arguments are of their types, or none."""
    document: Any = json.loads(msgspec.json.encode(message_to(actor).asdict()))
    _replace_one(document, data)
    read = read_or_set_aside(under_key(json.dumps(document).encode()), actor.queue)
    if read is not None:
        for argument in read.args:
            kind: Any = {"claim": Tick, "send": Batch, "retry": list[FailedAttempt], "bury": list[Undeliverable]}
            assert msgspec.convert(msgspec.to_builtins(argument), kind[read.actor_name]) == argument


def _replace_one(document: Any, data: st.DataObject) -> None:
    inner = document
    while True:
        key = data.draw(st.sampled_from(list(inner) if isinstance(inner, dict) else range(len(inner))))
        if isinstance(inner[key], dict | list) and inner[key] and data.draw(st.booleans()):
            inner = inner[key]
            continue
        if data.draw(st.booleans()):
            del inner[key]
        else:
            inner[key] = data.draw(JSON)
        return


def test_what_is_nested_without_end_is_no_hand_off() -> None:
    document = msgspec.json.encode(message_to(ActorName.BURY).asdict())
    nested = b"[" * 200_000 + b"]" * 200_000
    for part in (b'"args":', b'"options":', b'"kwargs":'):
        start = document.index(part) + len(part)
        assert read_or_set_aside(under_key(document[:start] + nested + b"}"), Queue.DEAD_LETTERER) is None
