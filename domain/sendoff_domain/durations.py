"""Durations as people write them: `90s`, `2m`, `1h30m`, `250ms`, `30d`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

LONGEST = timedelta(days=3660)
#: How many nanoseconds each unit has.
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_TIMEDELTAS = {unit: timedelta(microseconds=size // 1000) for unit, size in _UNITS.items() if size >= 1000}
#: The units that are written, and how many microseconds each has.
_WRITTEN_UNITS = tuple((unit, _UNITS[unit] // 1000) for unit in ("h", "m", "s", "ms", "us"))
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h|d|w)")
_is_duration = re.compile(f"(?:{_PART.pattern})+").fullmatch
#: One whole number and its unit: nearly all durations are written so, and this reads them three times as fast.
_is_simple = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)").fullmatch
#: How much of a wrong value an error shows (characters).
_LONGEST_SHOWN = 80
_EXPECTED = "expected a duration such as 250ms, 90s, 2m, 1h30m or 7d"


def parse_duration(value: object) -> timedelta:
    """Read one duration; zero is allowed, a negative or a bare number is not.

    Raises ValueError with what was expected.
    """
    if isinstance(value, timedelta):
        return _checked(value, str(value))
    text = value.strip() if isinstance(value, str) else ""
    if simple := _is_simple(text):
        return _checked(int(simple[1]) * _TIMEDELTAS[simple[2]], text)
    if text.startswith("-") and _is_duration(text[1:]):
        raise ValueError(f"{_EXPECTED}, not a negative one, got {_short(value)}")
    if not _is_duration(text):
        raise ValueError(f"{_EXPECTED}, got {_short(value)}")
    nanoseconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    try:
        parsed = timedelta(microseconds=nanoseconds / 1000)
    except OverflowError:
        raise ValueError(f"{_EXPECTED}, got {_short(value)}") from None
    return _checked(parsed, text)


def format_duration(value: timedelta) -> str:
    """Write a duration the way it is read, exact to the microsecond: `2m`, `1h30m`, `1s500ms`."""
    rest = value // timedelta(microseconds=1)
    written = ""
    for unit, size in _WRITTEN_UNITS:
        count, rest = divmod(rest, size)
        written += f"{count}{unit}" if count else ""
    return written or "0s"


def _checked(duration: timedelta, shown: str) -> timedelta:
    if duration < timedelta(0):
        raise ValueError(f"{_EXPECTED}, not a negative one, got {_short(shown)}")
    if duration > LONGEST:
        raise ValueError(f"expected a duration of at most 10 years, got {_short(shown)}")
    return duration


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST_SHOWN else shown[: _LONGEST_SHOWN - 3] + "..."


def _positive(duration: timedelta) -> timedelta:
    if duration <= timedelta(0):
        raise ValueError("expected a duration longer than zero")
    return duration


_SCHEMA = WithJsonSchema({"type": "string", "examples": ["90s", "2m", "1h30m"]})
_SERIALIZER = PlainSerializer(format_duration, return_type=str, when_used="json")

#: A duration of zero or more.
Duration = Annotated[timedelta, BeforeValidator(parse_duration), _SERIALIZER, _SCHEMA]
#: A duration longer than zero.
PositiveDuration = Annotated[
    timedelta, BeforeValidator(lambda value: _positive(parse_duration(value))), _SERIALIZER, _SCHEMA
]
