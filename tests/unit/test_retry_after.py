"""The receiver's wish to be left alone for a while."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.retry_after import parse_retry_after

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(seconds=120)),
        (" 7 ", timedelta(seconds=7)),
        ("000000000000000000005", timedelta(seconds=5)),
        ("9" * 5000, timedelta(seconds=10**9)),
        ("Sun, 22 Nov 2026 12:02:00 GMT", timedelta(minutes=2)),
        ("Sunday, 22-Nov-26 12:02:00 GMT", timedelta(minutes=2)),
        ("Sun Nov 22 12:02:00 2026", timedelta(minutes=2)),
        ("Sun, 22 Nov 2026 11:59:00 GMT", timedelta(0)),
        ("Sun, 22 Nov 2026 14:02:00 +0200", timedelta(minutes=2)),
    ],
)
def test_a_known_form_is_read(value: str, expected: timedelta) -> None:
    assert parse_retry_after(value, NOW) == expected


@pytest.mark.parametrize("value", [None, "", " ", "-5", "+5", "1.5", "soon", "٣", "99 Foo 2026", "1e3"])
def test_any_other_form_says_nothing(value: str | None) -> None:
    assert parse_retry_after(value, NOW) is None


@given(st.text())
def test_no_text_breaks_it(value: str) -> None:
    found = parse_retry_after(value, NOW)
    assert found is None or found >= timedelta(0)


@given(st.datetimes(datetime(2000, 1, 1), datetime(9998, 1, 1)))
def test_a_date_means_the_time_until_then(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    expected = max(whole - NOW, timedelta(0))
    assert parse_retry_after(format_datetime(whole, usegmt=True), NOW) == expected
