"""Message ids: they sort by time and tell when they were made."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendoff_domain.ids import created_at, first_uuid_at, format_message_id, hex_uuid7, parse_message_id

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
milliseconds = st.integers(0, 253_402_300_799_999)  # up to the end of the year 9999
entropies = st.binary(min_size=10, max_size=10)
moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))


def uuid7(unix_ms: int, entropy: bytes) -> UUID:
    return UUID(hex=hex_uuid7(unix_ms, entropy))


@given(milliseconds, entropies)
def test_an_id_is_a_uuid_of_version_seven(unix_ms: int, entropy: bytes) -> None:
    made = uuid7(unix_ms, entropy)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"


@given(milliseconds, entropies)
def test_an_id_tells_when_it_was_made(unix_ms: int, entropy: bytes) -> None:
    assert created_at(uuid7(unix_ms, entropy)) == EPOCH + timedelta(milliseconds=unix_ms)


@given(milliseconds, entropies)
def test_an_id_survives_being_written_and_read(unix_ms: int, entropy: bytes) -> None:
    made = uuid7(unix_ms, entropy)
    written = format_message_id(made)
    assert written == f"msg_{made.hex}"
    assert parse_message_id(written) == made


@given(milliseconds, milliseconds, entropies, entropies)
def test_ids_sort_by_the_time_they_were_made(one: int, other: int, first: bytes, second: bytes) -> None:
    earlier, later = sorted((one, other))
    if earlier != later:
        assert uuid7(earlier, first) < uuid7(later, second)
        assert format_message_id(uuid7(earlier, first)) < format_message_id(uuid7(later, second))


@given(moments, entropies)
def test_the_first_id_of_a_moment_bounds_what_was_made_from_then_on(moment: datetime, entropy: bytes) -> None:
    bound = first_uuid_at(moment)
    unix_ms = (moment - EPOCH) // timedelta(milliseconds=1)
    assert uuid7(max(unix_ms - 1, 0), entropy) < bound or unix_ms == 0
    assert bound < uuid7(unix_ms, entropy)
    assert created_at(bound) <= moment < created_at(bound) + timedelta(milliseconds=1)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_has_a_first_id(moment: datetime) -> None:
    assert UUID(int=0) <= first_uuid_at(moment) <= UUID(int=2**128 - 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "msg_",
        "msg_0192f0c1d2e37a4b8c5d6e7f8091020",
        "msg_0192f0c1d2e37a4b8c5d6e7f809102033",
        "msg_0192F0C1D2E37A4B8C5D6E7F80910203",
        "msg_0192f0c1-d2e3-7a4b-8c5d-6e7f80910203",
        "msg_0192f0c1d2e37a4b8c5d6e7f8091020g",
        "msg_٠192f0c1d2e37a4b8c5d6e7f80910203",
        "0192f0c1d2e37a4b8c5d6e7f80910203",
        "wsg_0192f0c1d2e37a4b8c5d6e7f80910203",
        "MSG_0192f0c1d2e37a4b8c5d6e7f80910203",
        "msg_msg_0192f0c1d2e37a4b8c5d6e7f8091",
        " msg_0192f0c1d2e37a4b8c5d6e7f80910203",
        "msg_0192f0c1d2e37a4b8c5d6e7f80910203\n",
    ],
)
def test_what_is_no_id_is_read_as_none(text: str) -> None:
    assert parse_message_id(text) is None


@given(st.text())
def test_no_text_breaks_the_reading_of_ids(text: str) -> None:
    found = parse_message_id(text)
    assert found is None or format_message_id(found) == text
