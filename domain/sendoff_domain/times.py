"""Moments and durations as people write them.

Moments are those of RFC 3339, written in UTC with microseconds; durations are texts such as `90s` or `1h30m`.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_FIRST_YEAR, _LAST_YEAR = 2, 9998
_encode = msgspec.json.Encoder().encode
_is_rfc3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:([0-9]{2})(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
).fullmatch
_EXPECTED = "expected an RFC 3339 date and time such as 2026-01-31T08:00:00Z"
_EXPECTED_YEAR = f"expected a date of the years {_FIRST_YEAR} to {_LAST_YEAR} in UTC"
_EXPECTED_SECOND = "expected seconds from 00 to 59: there is no leap second here, write the second before or after it"


def parse_moment(value: object) -> datetime:
    """The moment in UTC; raises ValueError with what was expected, also for one without a time zone."""
    match = _is_rfc3339(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(_EXPECTED)
    if match[3] is None:
        raise ValueError("expected a time zone: Z or an offset such as +01:00")
    try:
        moment = datetime.fromisoformat(match[0].upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError(_EXPECTED_YEAR) from None
    except ValueError:
        raise ValueError(_EXPECTED_SECOND if match[1] == "60" else _EXPECTED) from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(_EXPECTED_YEAR)
    return moment


def format_moment(moment: datetime) -> str:
    """The moment as text: `2026-01-31T08:00:00.000000Z`."""
    # msgspec takes a tenth of the time of isoformat, but leaves out a fraction of zero.
    text = _encode(moment.astimezone(UTC))[1:-2].decode()
    return text + "Z" if moment.microsecond else text + ".000000Z"


def format_optional(moment: datetime | None) -> str | None:
    """The moment as text, or None where there is none."""
    return None if moment is None else format_moment(moment)


#: A moment in a request.
Moment = Annotated[datetime, BeforeValidator(parse_moment), WithJsonSchema({"type": "string", "format": "date-time"})]


#: The longest duration there is.
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
_EXPECTED_DURATION = "expected a duration such as 250ms, 90s, 2m, 1h30m or 7d"


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
        raise ValueError(f"{_EXPECTED_DURATION}, not a negative one, got {_short(value)}")
    if not _is_duration(text):
        raise ValueError(f"{_EXPECTED_DURATION}, got {_short(value)}")
    nanoseconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    try:
        parsed = timedelta(microseconds=nanoseconds / 1000)
    except OverflowError:
        raise ValueError(f"{_EXPECTED_DURATION}, got {_short(value)}") from None
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
        raise ValueError(f"{_EXPECTED_DURATION}, not a negative one, got {_short(shown)}")
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
