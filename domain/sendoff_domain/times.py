"""Moments as the API reads and writes them: RFC 3339, written in UTC with microseconds."""

import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from pydantic import BeforeValidator, WithJsonSchema

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
