"""JSON that two readers could understand differently is refused; everything else comes back as it was."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.strict_json import DEEPEST, NotJsonError, parse_json

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
    max_leaves=20,
)


@given(_VALUES, st.booleans())
def test_what_is_json_comes_back_as_it_was(value: object, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary())
def test_no_bytes_do_anything_else_than_parse_or_be_refused(body: bytes) -> None:
    with contextlib.suppress(NotJsonError):
        assert parse_json(body) == json.loads(body)


@pytest.mark.parametrize("depth", [DEEPEST - 1, DEEPEST])
def test_nesting_is_allowed_up_to_a_limit(depth: int) -> None:
    assert parse_json(b"[" * depth + b"1" + b"]" * depth)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "deep"),
        (b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), "deep"),
        (b"[" * 1_000_000, "deep"),
        (b'{"a":1,"a":1}', "twice"),
        (b'[{"b":{"a":1,"a":2}}]', "'a'"),
        (b"NaN", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"1e999", "range"),
        (b"9" * 5000, "range"),
        (b'"\\udc00\\ud800"', "surrogate"),
        (b'{"\\ud800":1}', "surrogate"),
        (b'"\x00"', "control character"),
        (b"\xef\xbb\xbf{}", "column 1"),
        (b"\xff", "UTF-8"),
        (b"{'a':1}", "line 1, column 2"),
        (b"[1,]", "column"),
        (b"", "column"),
    ],
)
def test_what_is_ambiguous_is_refused_and_named(body: bytes, says: str) -> None:
    with pytest.raises(NotJsonError, match=says):
        parse_json(body)


def test_an_escaped_pair_is_one_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"
