"""Pointers by RFC 6901, with the examples of its section 5."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.json_pointer import MISSING, find, format_pointer, parse_pointer

DOCUMENT: dict[str, Any] = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
    "null": None,
}


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/null", None),
        ("/foo/2", MISSING),
        ("/foo/-", MISSING),
        ("/foo/-1", MISSING),
        ("/foo/01", MISSING),
        ("/foo/1e0", MISSING),
        ("/foo/99999999999999999999", MISSING),
        ("/foo/bar", MISSING),
        ("/foo/0/0", MISSING),
        ("/null/a", MISSING),
        ("/nobody", MISSING),
    ],
)
def test_a_pointer_leads_to(pointer: str, expected: Any) -> None:
    assert find(DOCUMENT, parse_pointer(pointer)) is expected or find(DOCUMENT, parse_pointer(pointer)) == expected


@pytest.mark.parametrize(
    "text", ["foo", "foo/bar", "#/foo", "/~", "/~2", "/a~", "/a\0b", "/" + "x" * 256, "/" * 255 + "~"]
)
def test_what_is_no_pointer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a JSON pointer"):
        parse_pointer(text)


@given(st.lists(st.text(st.characters(exclude_characters="\0"), max_size=8), max_size=8))
def test_a_pointer_is_read_as_it_is_written(names: list[str]) -> None:
    assert parse_pointer(format_pointer(names)) == tuple(names)
