"""One step of an export: the next messages, as the API shows them, become a piece that can be downloaded."""

import asyncio
import hashlib
import time
import zlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from sendoff_config.settings import PartitionSettings
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_one, run
from sendoff_domain.exact_numbers import write_number
from sendoff_domain.jobs import (
    LARGEST_EXPORT_STEP,
    MOST_BYTES_HELD,
    MOST_BYTES_HELD_BY_ALL,
    JobKind,
    JobState,
    pause_after,
    step_size,
)
from sendoff_intake.jobs.running import RunningJob, StepTaken
from sendoff_intake.jobs.selection import pick
from sendoff_intake.message_rows import MessageRow, describe_row, load_messages

_TOO_MUCH = f"its messages take more than {MOST_BYTES_HELD // 1024**2} MiB: export them in parts, by createdAfter"
_FULL = f"all exports and imports hold more than {MOST_BYTES_HELD_BY_ALL // 1024**3} GiB: resume it when some are gone"
_LEVEL = 6
_encode = msgspec.json.Encoder(enc_hook=write_number).encode


async def export_next(connection: Connection, _: PartitionSettings, job: RunningJob, began: float) -> StepTaken:
    """Make a piece of the next messages; one that has no room ends the export, which can be resumed."""
    selection = job.asked()
    limit = min(LARGEST_EXPORT_STEP, step_size(job.rate))
    kind, made_at = JobKind.EXPORT_MESSAGES, job.created_at
    picked = await pick(connection, kind, selection, reached=job.reached, made_at=made_at, limit=limit)
    rows = await load_messages(connection, picked.ids, status=selection.status)
    body = await asyncio.to_thread(_write, rows)
    error = await _no_room(connection, job, len(body))
    if error is not None:
        return StepTaken(ended=await _advance(connection, job, state=JobState.FAILED, error=error))
    if body:
        await _insert(connection, job.id, job.pieces, body)
    state = JobState.DONE if picked.reached is None else JobState.RUNNING
    ended = await _advance(
        connection,
        job,
        state=state,
        reached=picked.reached or job.reached,
        done=len(rows),
        skipped=len(picked.ids) - len(rows),
        pieces=int(bool(body)),
        size=len(body),
        pause=pause_after(len(picked.ids), job.rate, time.monotonic() - began),
    )
    return StepTaken(ended=ended)


def _write(rows: Sequence[MessageRow]) -> bytes:
    """The compressed lines of messages, the oldest first; nothing for none."""
    return (
        zlib.compress(b"".join(_encode(describe_row(row)) + b"\n" for row in reversed(rows)), _LEVEL) if rows else b""
    )


async def _no_room(connection: Connection, job: RunningJob, size: int) -> str | None:
    """Why a piece of that size may not be kept."""
    if job.held_bytes + size > MOST_BYTES_HELD:
        return _TOO_MUCH
    row = await fetch_one(connection, __package__, "sum_held_bytes")
    return _FULL if row is not None and row[0] + size > MOST_BYTES_HELD_BY_ALL else None


async def _insert(connection: Connection, job_id: UUID, number: int, body: bytes) -> None:
    body_hash = hashlib.sha256(body).digest()
    values = {"id": job_id, "number": number, "first_line": 1, "body_hash": body_hash, "body": body}
    await run(connection, __package__, "insert_piece", values)


async def _advance(
    connection: Connection, job: RunningJob, *, state: JobState, **changes: Any
) -> dict[str, Any] | None:
    """Write how far the export is; returns its counts if it has come to an end."""
    unchanged = {"reached": job.reached, "done": 0, "skipped": 0, "pieces": 0, "size": 0, "pause": 0.0, "error": None}
    row = await fetch_one(
        connection, __package__, "advance_export", {**unchanged, **changes, "id": job.id, "state": state}
    )
    if row is None or state is JobState.RUNNING:
        return None
    return {"count": row[0], "skipped": row[1], "state": state}


async def read_piece(connection: Connection, job_id: UUID, number: int) -> bytes | None:
    """The lines of a piece, or None if there is none of that number."""
    row = await fetch_one(connection, __package__, "read_piece", {"id": job_id, "number": number})
    return None if row is None else await asyncio.to_thread(zlib.decompress, row[0])
