"""Moments of the API: read with a time zone only, written in UTC."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.times import format_moment, parse_moment

_UTC_MOMENTS = st.datetimes(datetime(2, 1, 2), datetime(9998, 1, 1), timezones=st.just(UTC))


@given(_UTC_MOMENTS)
def test_a_written_moment_is_read_as_it_was(moment: datetime) -> None:
    text = format_moment(moment)
    assert len(text) == 27
    assert text.endswith("Z")
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2042-01-31T08:00:00Z", "2042-01-31T08:00:00.000000Z"),
        ("2042-01-31t08:00:00.5z", "2042-01-31T08:00:00.500000Z"),
        ("2042-01-31 08:00:00+01:30", "2042-01-31T06:30:00.000000Z"),
        ("2042-01-31T08:00:00.123456789-00:00", "2042-01-31T08:00:00.123456Z"),
    ],
)
def test_every_form_of_rfc_3339_is_read(text: str, wanted: str) -> None:
    assert format_moment(parse_moment(text)) == wanted


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2042-01-31",
        "20420131T080000Z",
        "2042-W01-1T00:00:00Z",
        "2042-13-01T00:00:00Z",
        "2042-01-31T24:00:00Z",
        "2042-01-31T08:00:60Z",
        "2042-01-31T08:00:00+25:00",
        "2042-01-31T08:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-01:00",
        "\u0662042-01-31T08:00:00Z",
        1_900_000_000,
        None,
        True,
    ],
)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_moment(value)


def test_a_missing_time_zone_is_named() -> None:
    with pytest.raises(ValueError, match="time zone"):
        parse_moment("2042-01-31T08:00:00")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-06-30T23:59:60Z", "seconds from 00 to 59"),
        ("2026-02-30T23:59:59Z", "RFC 3339"),
        ("0001-06-01T00:00:00Z", "years 2 to 9998"),
        ("0001-01-01T00:00:00+14:00", "years 2 to 9998"),
        ("9999-01-01T00:00:00Z", "years 2 to 9998"),
        ("9999-12-31T23:59:59-01:00", "years 2 to 9998"),
    ],
)
def test_what_is_wrong_with_a_moment_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_moment(text)
