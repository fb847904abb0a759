"""The stored body of the webhook request."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.webhook_request import CONTENT_LIMIT, content_size, read_payload, render_payload

ID = "msg_0192f0c1d2e37a4b8c5d6e7f80910203"
texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
contents = st.recursive(scalars | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)
metadata = st.dictionaries(texts, texts, max_size=5)


@given(texts, contents, metadata)
def test_a_payload_is_the_four_fields_as_json(to: str, content: object, extra: dict[str, str]) -> None:
    document = json.loads(render_payload(ID, to, content, extra))
    assert document == {"id": ID, "to": to, "content": content, "metadata": extra}


@given(contents, metadata)
def test_content_and_metadata_survive_being_stored(content: object, extra: dict[str, str]) -> None:
    assert read_payload(render_payload(ID, "a", content, extra)) == (content, extra)


def test_no_metadata_is_an_empty_map() -> None:
    assert render_payload(ID, "a", "b", {}).endswith(b'"metadata":{}}')


@given(texts)
def test_a_payload_has_no_character_that_postgresql_refuses(text: str) -> None:
    assert b"\0" not in render_payload(ID, text, {text: text}, {text: text})


@given(contents)
def test_the_same_message_has_the_same_bytes(content: object) -> None:
    assert render_payload(ID, "a", content, {}) == render_payload(ID, "a", content, {})


@pytest.mark.parametrize(
    ("content", "size"),
    [("", 0), ("a" * CONTENT_LIMIT, CONTENT_LIMIT), ("ü", 2), ("👋", 4), ({}, 2), (["a"], 5), (None, 4)],
)
def test_a_content_is_measured_in_bytes(content: object, size: int) -> None:
    assert content_size(content) == size
