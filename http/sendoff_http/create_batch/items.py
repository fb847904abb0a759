"""From the body of a batch to its items: each is a valid entry, or the problem of that item."""

import asyncio
import functools
from collections.abc import Sequence
from typing import Any

from sendoff_http.accept.entry import Entry, make_entry
from sendoff_http.accept.message_input import MessageInput
from sendoff_http.body import parse_body
from sendoff_http.problems import FieldError, ProblemError, invalid
from sendoff_http.strict_json import NotJsonError, parse_json
from sendoff_http.validation import validate

MOST_ITEMS = 10_000
#: Bodies from here on are parsed on a thread, and items made in turns, so that other requests get their turn too.
_LARGE_BODY = 256 * 1024
_ITEMS_PER_TURN = 200

Item = Entry | ProblemError


async def read_items(body: bytes, is_lines: bool, key: str | None, now: float) -> list[Item]:
    """The items in order; raises ProblemError 400 or 422 when the batch as a whole cannot be read."""
    parse = functools.partial(_parse_lines if is_lines else _parse_array, body)
    found = await asyncio.to_thread(parse) if len(body) > _LARGE_BODY else parse()
    if len(found) > MOST_ITEMS:
        raise invalid([FieldError("", f"expected at most {MOST_ITEMS} messages, got {len(found)}")])
    items: list[Item] = []
    for start in range(0, len(found), _ITEMS_PER_TURN):
        if start:
            await asyncio.sleep(0)
        items += _make_items(found[start : start + _ITEMS_PER_TURN], start, key, now)
    return items


def _make_items(found: Sequence[Any], start: int, key: str | None, now: float) -> list[Item]:
    # A key of the batch is a key of each item: the unit separator cannot be part of a key that a client gives.
    keys = (None if key is None else f"{key}\x1f{index}" for index in range(start, start + len(found)))
    return [_make_item(raw, own, now) for raw, own in zip(found, keys, strict=True)]


def _make_item(raw: Any, key: str | None, now: float) -> Item:
    if isinstance(raw, ProblemError):
        return raw
    try:
        return make_entry(validate(MessageInput, raw), raw, key, now)
    except ProblemError as problem:
        return problem


def _parse_array(body: bytes) -> list[Any]:
    value = parse_body(body)
    if not isinstance(value, list):
        raise invalid([FieldError("", "expected an array of messages")])
    return value


def _parse_lines(body: bytes) -> list[Any]:
    lines = [line for line in body.split(b"\n") if line.strip()]
    return [_parse_line(line) for line in lines[: MOST_ITEMS + 1]]


def _parse_line(line: bytes) -> Any:
    try:
        return parse_json(line)
    except NotJsonError as error:
        return ProblemError(400, "not_json", f"the line is not valid JSON: {error}")
