"""The statements that store entries, with their values and their answers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

from sendoff_db.packed_arrays import (
    PackedArray,
    pack_bigints,
    pack_durations,
    pack_encoded,
    pack_moments,
    pack_optional_bytes,
    pack_optional_texts,
    pack_texts,
    pack_uuids,
)
from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.ids import created_at, created_ms
from sendoff_intake.submission import Entry, KeyReused, Result, Stored, UnknownCustomer


async def insert(connection: Connection, entries: Sequence[Entry], *, repeated: bool) -> list[Result]:
    """Store the entries with one statement; `repeated` when some of them may be in the database already."""
    if not entries:
        return []
    if repeated or any(entry.key is not None for entry in entries):
        return await _insert_each_once(connection, entries)
    customers = {entry.given.customer for entry in entries}
    values = {**_columns(entries), "named": pack_texts(list(customers))}
    now, unknown = (await _rows(connection, "accept_new_messages", values))[0]
    return _stored_at(now.astimezone(UTC), set(unknown), entries)


def _stored_at(now: datetime, unknown: set[str], entries: Sequence[Entry]) -> list[Result]:
    return [
        UnknownCustomer() if entry.given.customer in unknown else Stored(entry.hex_id, _deliver_at(entry, now))
        for entry in entries
    ]


def _deliver_at(entry: Entry, now: datetime) -> datetime:
    """The same rule as in the statement."""
    given = entry.given
    if given.deliver_at is not None:
        return max(given.deliver_at, now)
    return now if given.delay is None else now + given.delay


async def _insert_each_once(connection: Connection, entries: Sequence[Entry]) -> list[Result]:
    keys = {
        "keys": pack_optional_texts([entry.key for entry in entries]),
        "hashes": pack_optional_bytes([entry.body_hash for entry in entries]),
    }
    rows = await _rows(connection, "accept_messages", {**_columns(entries), **keys})
    times = await _times_of_others(connection, rows)
    return [_result(entry, times, *row) for entry, row in zip(entries, rows, strict=True)]


async def _times_of_others(connection: Connection, rows: Sequence[Any]) -> dict[UUID, datetime]:
    """The times that the statement could not see: what was stored while it waited for a key has a later commit."""
    unseen = {message_id.hex for _, message_id, _, deliver_at in rows if deliver_at is None}
    if not unseen:
        return {}
    return dict(await _rows(connection, "read_delivery_times", {"ids": pack_uuids(list(unseen))}))


def _result(
    entry: Entry,
    times: Mapping[UUID, datetime],
    known: bool,
    message_id: UUID,
    same_body: bool,
    deliver_at: datetime | None,
) -> Result:
    if not known:
        return UnknownCustomer()
    if message_id.hex == entry.hex_id and deliver_at is not None:
        return Stored(entry.hex_id, deliver_at)
    if not same_body:
        return KeyReused()
    # A key can outlive its message; then all that is known is when that was made.
    return Stored(message_id.hex, deliver_at or times.get(message_id) or created_at(message_id), replayed=True)


async def _rows(connection: Connection, name: LiteralString, values: dict[str, PackedArray]) -> list[Any]:
    cursor = await connection.execute(read_statement(__package__, name), values, binary=True)
    return await cursor.fetchall()


def _columns(entries: Sequence[Entry]) -> dict[str, PackedArray]:
    given = [entry.given for entry in entries]
    return {
        "ids": pack_uuids([entry.hex_id for entry in entries]),
        "customers": pack_texts([one.customer for one in given]),
        "recipients": pack_texts([one.to for one in given]),
        "payloads": pack_encoded([entry.payload for entry in entries]),
        "given": pack_moments([one.deliver_at for one in given]),
        "delays": pack_durations([one.delay for one in given]),
        "expiries": pack_moments([one.expires_at for one in given]),
        "created": pack_bigints([created_ms(entry.hex_id) for entry in entries]),
        "retries": pack_optional_texts([one.retry for one in given]),
    }
