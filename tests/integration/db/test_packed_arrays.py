"""Arrays packed by hand mean to PostgreSQL what psycopg's own arrays mean."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sendoff_db import packed_arrays
from sendoff_db.packed_arrays import PackedArray, PackedArrayDumper

BIGINTS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9998, 12, 31), timezones=st.just(UTC))
SPANS = st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000))

KINDS: dict[str, tuple[Callable[[Sequence[Any]], PackedArray], st.SearchStrategy[Any]]] = {
    "bigint[]": (packed_arrays.pack_bigints, BIGINTS),
    "float8[]": (packed_arrays.pack_floats, st.floats(allow_nan=False)),
    "text[]": (packed_arrays.pack_texts, TEXTS),
    "bytea[]": (packed_arrays.pack_optional_bytes, st.none() | st.binary()),
    "timestamptz[]": (packed_arrays.pack_moments, st.none() | MOMENTS),
}


@pytest.fixture
def packing(database: str) -> Any:
    """A connection that sends packed arrays as they are."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.adapters.register_dumper(PackedArray, PackedArrayDumper)
        yield connection


def read_back(connection: "psycopg.Connection[Any]", packed: PackedArray, kind: str) -> list[Any]:
    row = connection.execute(f"SELECT %s::{kind}".encode(), (packed,)).fetchone()
    assert row is not None
    return list(row[0])


@pytest.mark.parametrize("kind", KINDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_packed_array_is_read_as_its_values(
    packing: "psycopg.Connection[Any]", kind: str, data: st.DataObject
) -> None:
    pack, values = KINDS[kind]
    given_values = data.draw(st.lists(values, max_size=20))
    if any(value is not None for value in given_values):
        assert read_back(packing, pack(given_values), kind) == given_values


@pytest.mark.parametrize("pack", [packed_arrays.pack_optional_texts, packed_arrays.pack_moments])
def test_an_array_of_nothing_but_null_is_sent_empty(
    packing: "psycopg.Connection[Any]", pack: Callable[[list[None]], PackedArray]
) -> None:
    kind = "text[]" if pack is packed_arrays.pack_optional_texts else "timestamptz[]"
    assert read_back(packing, pack([None, None]), kind) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(st.uuids(), max_size=20))
def test_packed_uuids_are_read_as_uuids(packing: "psycopg.Connection[Any]", ids: list[UUID]) -> None:
    assert read_back(packing, packed_arrays.pack_uuids([one.hex for one in ids]), "uuid[]") == ids


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=st.lists(SPANS, min_size=1, max_size=20))
def test_packed_durations_are_read_as_microseconds(packing: "psycopg.Connection[Any]", spans: list[timedelta]) -> None:
    found = read_back(packing, packed_arrays.pack_durations(spans), "bigint[]")
    assert found == [span // timedelta(microseconds=1) for span in spans]
