"""Inserts submissions with one statement, and reads what became of each."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
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
from sendoff_db.sql import Row, fetch_all
from sendoff_domain.ids import created_at, created_ms
from sendoff_intake.submission import NewMessage, Reason, Rejected, Result, Stored, Submission, reject_unknown_customer

_PACKAGE = "sendoff_intake"
_KEY_REUSED = Rejected(Reason.KEY_REUSED, "this Idempotency-Key was used for another body")


async def insert(connection: Connection, submissions: Sequence[Submission], *, repeated: bool) -> list[Result]:
    """Store the submissions, all or none; `repeated` when some of them may be in the database already."""
    if not submissions:
        return []
    if repeated or any(submission.key is not None for submission in submissions):
        return await _insert_once(connection, submissions)
    customers = list({submission.message.customer for submission in submissions})
    values = {**_columns(submissions), "named": pack_texts(customers)}
    ((now, unknown),) = await fetch_all(connection, _PACKAGE, "accept_new_messages", values, binary=True)
    return _stored_at(now.astimezone(UTC), set(unknown), submissions)


def _stored_at(now: datetime, unknown: set[str], submissions: Sequence[Submission]) -> list[Result]:
    return [
        reject_unknown_customer(submission.message.customer)
        if submission.message.customer in unknown
        else Stored(submission.hex_id, _deliver_at(submission.message, now))
        for submission in submissions
    ]


def _deliver_at(message: NewMessage, now: datetime) -> datetime:
    # As the statement has it.
    if message.deliver_at is not None:
        return max(message.deliver_at, now)
    return now if message.delay is None else now + message.delay


async def _insert_once(connection: Connection, submissions: Sequence[Submission]) -> list[Result]:
    keys = {
        "keys": pack_optional_texts([submission.key for submission in submissions]),
        "hashes": pack_optional_bytes([submission.body_hash for submission in submissions]),
    }
    rows = await fetch_all(connection, _PACKAGE, "accept_messages", {**_columns(submissions), **keys}, binary=True)
    # What was stored while the statement waited for a key has a later commit, which the statement does not see.
    unseen = {message_id.hex for _, message_id, _, deliver_at in rows if deliver_at is None}
    times: dict[UUID, datetime] = {}
    if unseen:
        ids = {"ids": pack_uuids(list(unseen))}
        times = dict(await fetch_all(connection, _PACKAGE, "read_delivery_times", ids, binary=True))
    return [_result(submission, row, times) for submission, row in zip(submissions, rows, strict=True)]


def _result(submission: Submission, row: Row, times: Mapping[UUID, datetime]) -> Result:
    known, message_id, same_body, deliver_at = row
    if not known:
        return reject_unknown_customer(submission.message.customer)
    if message_id.hex == submission.hex_id and deliver_at is not None:
        return Stored(submission.hex_id, deliver_at)
    if not same_body:
        return _KEY_REUSED
    # A key can outlive its message; then all that is known is when that was made.
    return Stored(message_id.hex, deliver_at or times.get(message_id) or created_at(message_id), replayed=True)


def _columns(submissions: Sequence[Submission]) -> dict[str, PackedArray]:
    messages = [submission.message for submission in submissions]
    return {
        "ids": pack_uuids([submission.hex_id for submission in submissions]),
        "customers": pack_texts([message.customer for message in messages]),
        "recipients": pack_texts([message.to for message in messages]),
        "payloads": pack_encoded([submission.payload for submission in submissions]),
        "given": pack_moments([message.deliver_at for message in messages]),
        "delays": pack_durations([message.delay for message in messages]),
        "expiries": pack_moments([message.expires_at for message in messages]),
        "created": pack_bigints([created_ms(submission.hex_id) for submission in submissions]),
        "retries": pack_optional_texts([message.retry for message in messages]),
    }
