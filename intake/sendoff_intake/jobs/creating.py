"""Makes jobs: what they are about is counted first, and stays what it was at that moment."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sendoff_db.audit import audited
from sendoff_db.clock import read_now
from sendoff_db.locks import JOBS
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_one, run
from sendoff_domain.ids import UUID7_ENTROPY_BYTES, first_uuid_at, hex_uuid7
from sendoff_domain.jobs import MOST_EXPORTED, JobKind, JobState, default_rate
from sendoff_intake.jobs.rows import JobRow, Requester, entry_of_job, find_job, find_job_by_key
from sendoff_intake.jobs.selection import Selection, count_matches

#: Jobs that are not finished, of all customers and of one: each takes turns with the others.
MOST_UNFINISHED, MOST_OF_CUSTOMER = 100, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What somebody wants done: `selected` is how it was asked for, `owner` whose messages alone it is about."""

    kind: JobKind
    selection: Selection
    selected: Mapping[str, Any]
    requester: Requester
    owner: str | None = None
    change: Mapping[str, Any] = field(default_factory=dict)
    rate: int | None = None
    hold: bool = False
    idempotency_key: str | None = None
    body_hash: bytes | None = None


class NoJob(StrEnum):
    """Why none was made."""

    TOO_MANY = "too_many_jobs"
    TOO_MANY_MESSAGES = "too_many_messages"
    KEY_REUSED = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Made:
    """A job, and whether it was there already by the same idempotency key."""

    job: JobRow
    replayed: bool = False


async def count_selected(connection: Connection, kind: JobKind, selection: Selection) -> int:
    """How many messages a job would be about, were it made now."""
    now = await read_now(connection)
    return await count_matches(connection, kind, await _as_of(connection, selection, now, selection.customer))


async def make_job(connection: Connection, new: NewJob) -> Made | NoJob:
    """Make a job, which any worker begins within a second unless it is to be held; nothing to do is done at once.

    An import is held, until all of it is uploaded.
    """
    found = await _made_before(connection, new)
    if found is not None:
        return found
    now = await read_now(connection)
    selection = await _as_of(connection, new.selection, now, new.owner)
    matched = 0 if new.kind is JobKind.IMPORT_MESSAGES else await count_matches(connection, new.kind, selection)
    if new.kind is JobKind.EXPORT_MESSAGES and matched > MOST_EXPORTED:
        return NoJob.TOO_MANY_MESSAGES
    rate = new.rate or await _default_rate(connection, new)
    values = _values(replace(new, selection=selection, rate=rate), matched, now)
    async with audited(connection) as audit:
        await run(connection, __package__, "lock_jobs", {"lock": JOBS})
        added = await fetch_one(connection, __package__, "insert_job", values)
        if added is not None:
            details = {"kind": new.kind, "matched": matched, "state": values["state"]}
            audit.append(entry_of_job(added[0], "job.create", new.owner, new.requester, **details))
    if added is None:
        return await _made_before(connection, new) or NoJob.TOO_MANY
    job = await find_job(connection, added[0])
    if job is None:
        raise LookupError(f"the job {added[0]} was deleted as soon as it was made")
    return Made(job)


async def _made_before(connection: Connection, new: NewJob) -> Made | NoJob | None:
    """What was made under the same idempotency key, if there is one."""
    if new.idempotency_key is None:
        return None
    job = await find_job_by_key(connection, new.requester.name, new.idempotency_key)
    if job is None:
        return None
    return Made(job, replayed=True) if job.body_hash == new.body_hash else NoJob.KEY_REUSED


async def _as_of(connection: Connection, selection: Selection, now: datetime, owner: str | None) -> Selection:
    """The selection without what is accepted from now on, and of the customer that has the owner's id now."""
    high = min(selection.high, first_uuid_at(now + timedelta(milliseconds=1)))
    if owner is None:
        return replace(selection, high=high)
    row = await fetch_one(connection, __package__, "read_incarnation", {"customer": owner})
    return replace(selection, high=high, incarnation=None if row is None else row[0])


async def _default_rate(connection: Connection, new: NewJob) -> int | None:
    """What a resend is held to that names no rate; other jobs send nothing."""
    if new.kind is not JobKind.RESEND_DEAD_LETTERS:
        return None
    row = await fetch_one(connection, __package__, "read_recent_rate", {"customer": new.selection.customer})
    return default_rate(*(row or (0, 0.0)))


def _values(new: NewJob, matched: int, now: datetime) -> dict[str, Any]:
    state = JobState.HELD if new.hold else JobState.RUNNING
    return {
        "id": UUID(hex=hex_uuid7(time.time_ns() // 1_000_000, os.urandom(UUID7_ENTROPY_BYTES))),
        "kind": new.kind,
        "state": state if matched or new.kind is JobKind.IMPORT_MESSAGES else JobState.DONE,
        "selection": Jsonb(dict(new.selected)),
        "change": Jsonb(dict(new.change)),
        "customer": new.owner,
        "incarnation": new.selection.incarnation,
        "low": new.selection.low,
        "high": new.selection.high,
        "rate": new.rate,
        "matched": matched,
        "idempotency_key": new.idempotency_key,
        "body_hash": new.body_hash,
        "requested_by": new.requester.name,
        "request_id": new.requester.request_id,
        "created_at": now,
        "most": MOST_UNFINISHED,
        "most_of_customer": MOST_OF_CUSTOMER,
    }
