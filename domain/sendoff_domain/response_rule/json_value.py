"""JSON values: what may be stored, when two are the same, how one looks in a sentence."""

from collections.abc import Iterator
from typing import Any

import msgspec

#: Numbers that every part of Sendoff, PostgreSQL included, reads and writes alike.
_SMALLEST_FLOAT, _LARGEST_FLOAT, _LARGEST_INTEGER = 1e-4, 1e16, 2**63 - 1
_LONGEST_SHOWN = 60


def check_storable(document: Any, deepest: int) -> None:
    """Raise ValueError that says what was expected, unless this is JSON that keeps its value in PostgreSQL.

    YAML knows values that JSON doesn't have, PostgreSQL has no null character, and both write numbers their own way.
    """
    for values in levels(document, deepest):
        for value in values:
            if isinstance(value, dict):
                for key in value:
                    _check_text(key)
            elif isinstance(value, float):
                if value != 0 and not _SMALLEST_FLOAT <= abs(value) < _LARGEST_FLOAT:
                    raise ValueError(f"expected numbers that are 0 or from {_SMALLEST_FLOAT} to {_LARGEST_FLOAT:g}")
            elif isinstance(value, int):
                if abs(value) > _LARGEST_INTEGER:
                    raise ValueError("expected integers of at most 64 bits")
            elif value is not None and not isinstance(value, list):
                _check_text(value)


def levels(document: Any, deepest: int) -> Iterator[list[Any]]:
    """The values of a document level by level; raises ValueError when lists and objects nest deeper than `deepest`."""
    level = [document]
    for _ in range(deepest + 1):
        yield level
        containers = [value for value in level if isinstance(value, (dict, list))]
        if not containers:
            return
        level = [inner for one in containers for inner in (one.values() if isinstance(one, dict) else one)]
    raise ValueError(f"expected at most {deepest} levels of lists and objects in one another")


def same_json(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: 1 and 1.0 are, 1 and true are not, the order of names says nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def shown_json(value: Any) -> str:
    """The value as JSON, shortened to fit into a sentence."""
    try:
        text = msgspec.json.encode(value).decode()
    except (ValueError, OverflowError, RecursionError):
        return "a value too large to be shown"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _check_text(value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError(f"expected JSON, got a {type(value).__name__}")  # noqa: TRY004  pydantic reads ValueErrors
    if "\0" in value or (not value.isprintable() and any("\ud800" <= char <= "\udfff" for char in value)):
        raise ValueError("expected texts without null characters and lone surrogates")
