"""Durations as people write them: `90s`, `2m`, `1h30m`, `250ms`, `30d`."""

from datetime import timedelta
from typing import Annotated

import durationpy
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

LONGEST = timedelta(days=3660)
_EXPECTED = "expected a duration such as 250ms, 90s, 2m, 1h30m or 7d"


def parse_duration(value: object) -> timedelta:
    """Read one duration; zero is allowed, a negative or a bare number is not.

    Raises ValueError with what was expected.
    """
    if isinstance(value, timedelta):
        return _checked(value, str(value))
    if not isinstance(value, str):
        raise ValueError(f"{_EXPECTED}, got {value!r}")  # noqa: TRY004 pydantic reports only ValueError
    try:
        parsed = durationpy.from_str(value.strip())
    except (ValueError, OverflowError):
        raise ValueError(f"{_EXPECTED}, got {value!r}") from None
    return _checked(parsed, value)


def format_duration(value: timedelta) -> str:
    """Write a duration the way it is read: `2m`, `1h30m`, `250ms`."""
    return str(durationpy.to_str(value)) if value else "0s"


def _checked(duration: timedelta, shown: str) -> timedelta:
    if duration < timedelta(0):
        raise ValueError(f"{_EXPECTED}, not a negative one, got {shown!r}")
    if duration > LONGEST:
        raise ValueError(f"expected a duration of at most 10 years, got {shown!r}")
    return duration


def _positive(duration: timedelta) -> timedelta:
    if duration <= timedelta(0):
        raise ValueError("expected a duration longer than zero")
    return duration


_SCHEMA = WithJsonSchema({"type": "string", "format": "duration", "examples": ["90s", "2m", "1h30m"]})
_SERIALIZER = PlainSerializer(format_duration, return_type=str, when_used="json")

#: A duration of zero or more.
Duration = Annotated[timedelta, BeforeValidator(parse_duration), _SERIALIZER, _SCHEMA]
#: A duration longer than zero.
PositiveDuration = Annotated[
    timedelta, BeforeValidator(lambda value: _positive(parse_duration(value))), _SERIALIZER, _SCHEMA
]
