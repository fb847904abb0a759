"""Reads JSON without guessing: what two readers could understand differently is refused."""

import json
import math
from collections.abc import Callable
from typing import Any

from sendoff_domain.exact_numbers import read_number

#: How deeply arrays and objects may be nested; far below what makes any parser run out of stack.
DEEPEST = 100


class NotJsonError(ValueError):
    """The text is no JSON, or not one that all readers understand alike; the text says where and why."""


def parse_json(body: bytes, *, keep_digits: bool = False) -> Any:
    """The value of a JSON text in UTF-8; with `keep_digits` what no double can hold is an ExactFloat.

    Raises NotJsonError for anything else, and for duplicate keys, NaN, numbers out of range, lone surrogates and
    nesting beyond DEEPEST.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise NotJsonError(f"expected UTF-8 (byte {error.start})") from None
    try:
        value = (_EXACT if keep_digits else _ROUNDING).decode(text)
    except json.JSONDecodeError as error:
        raise NotJsonError(f"{error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise NotJsonError(f"nested more than {DEEPEST} levels deep") from None
    except NotJsonError:
        raise
    except ValueError:  # Python reads no integer of more than 4300 digits
        raise NotJsonError("a number is out of range") from None
    if text.count("[") + text.count("{") > DEEPEST and _depth(value) > DEEPEST:
        raise NotJsonError(f"nested more than {DEEPEST} levels deep")
    if "\\u" in text:
        _refuse_lone_surrogates(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJsonError(f"the key {_first_twice(pairs)[:80]!r} is there twice")
    return found


def _first_twice(pairs: list[tuple[str, Any]]) -> str:
    """The first name that is there again."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("no name is there twice")


def _refuse_constant(text: str) -> Any:
    raise NotJsonError(f"{text} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise NotJsonError("a number is out of range")
    return number


def _depth(value: Any) -> int:
    """How deeply a value is nested, level by level: a recursion would fail on the very values it looks for."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, (dict, list))]:
        level = [inner for outer in level for inner in _inside(outer)]
        depth += 1
    return depth


def _inside(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NotJsonError("a text has half of a surrogate pair, which is no character") from None


def _decoder(parse_float: Callable[[str], float]) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=parse_float)


_ROUNDING, _EXACT = _decoder(_finite), _decoder(read_number)
