"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sendoff_domain.times import LONGEST, Duration, PositiveDuration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta(0)),
        ("250ms", timedelta(milliseconds=250)),
        ("10us", timedelta(microseconds=10)),
        ("90s", timedelta(seconds=90)),
        ("2m", timedelta(minutes=2)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("1w2d3h4m5s6ms7us", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5, milliseconds=6, microseconds=7)),
        ("1.5ms3µs", timedelta(microseconds=1503)),
        ("30m1h", timedelta(minutes=90)),
        ("1000ns", timedelta(microseconds=1)),
        ("400ns", timedelta(0)),
        ("700ns", timedelta(microseconds=1)),
        (" 2m ", timedelta(minutes=2)),
        ("3660d", LONGEST),
    ],
)
def test_a_duration_is_read(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "5",
        "0",
        5,
        0,
        1.5,
        True,
        None,
        [],
        "-2m",
        "1h-30m",
        "2 m",
        "1h 30m",
        "+2m",
        "2mm",
        "2y",
        "2M",
        "two",
        "1e3s",
        ".5s",
        "5.s",
        "nans",
        "infs",
        "２m",
        "PT2M",
        "00:02:00",
        "9" * 400 + "d",
        "9" * 400 + "ns",
        "99999999999d",
        "5\N{GREEK SMALL LETTER MU}s",
        "3661d",
        "2m\n3",
        "s",
        b"2m",
    ],
)
def test_anything_else_is_refused_with_what_was_expected(value: object) -> None:
    with pytest.raises(ValueError, match="^expected a duration"):
        parse_duration(value)


@given(st.timedeltas(timedelta(0), LONGEST))
def test_a_duration_survives_being_written_and_read(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("text", ["0s", "250ms", "1m30s", "2m", "1h30m", "168h"])
def test_a_duration_is_written_the_way_it_is_read(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


@given(st.text())
def test_no_text_breaks_the_reading_of_durations(text: str) -> None:
    try:
        found = parse_duration(text)
    except ValueError:
        return
    assert timedelta(0) <= found <= LONGEST


def test_zero_is_a_duration_but_no_positive_one() -> None:
    assert TypeAdapter(Duration).validate_python("0s") == timedelta(0)
    with pytest.raises(ValidationError, match="longer than zero"):
        TypeAdapter(PositiveDuration).validate_python("0s")


def test_a_model_writes_its_durations_the_same_way() -> None:
    assert TypeAdapter(Duration).dump_json(timedelta(minutes=90)) == b'"1h30m"'


@pytest.mark.parametrize("value", ["9" * 100_000 + "d", "-" + "1s" * 100_000, ["x"] * 100_000, "x" * 100_000])
def test_an_error_shows_the_beginning_of_a_long_value(value: object) -> None:
    with pytest.raises(ValueError, match=r"got .{77}\.\.\.$"):
        parse_duration(value)
