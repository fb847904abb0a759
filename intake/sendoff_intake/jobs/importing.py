"""One step of an import: what is good in the next piece is stored, the rest is refused, and how far it is.

All of it is one transaction, as in every step. A line without a key gets an id of its own with each try, of which only
the one that is committed counts.
"""

import asyncio
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Error, errors
from psycopg.types.json import Jsonb

from sendoff_config.settings import PartitionSettings
from sendoff_db.clock import read_now
from sendoff_db.failures import is_outage
from sendoff_db.partitions import make_partitions
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all, fetch_all_as, fetch_one, run
from sendoff_domain.jobs import MOST_REJECTIONS, PAUSE_FOR_ROOM, JobState, pause_after
from sendoff_intake.jobs.import_lines import Line, describe_rejection, read_lines
from sendoff_intake.jobs.running import RunningJob, StepTaken
from sendoff_intake.store import insert
from sendoff_intake.submission import Rejected, Result, Stored, Submission, reject_unknown_customer
from sendoff_intake.submission_reader import SubmissionReader


@dataclass(frozen=True, slots=True)
class _Piece:
    """A row of `next_piece.sql`; `taken` of its lines were taken by earlier steps."""

    number: int
    first_line: int
    taken: int
    body: bytes


@dataclass(slots=True)
class _Part:
    """What is taken of a piece at once, and for whose backlog the rest waits."""

    lines: Sequence[Line]
    full: str | None = None

    @property
    def submissions(self) -> list[Submission]:
        return [line.read for line in self.lines if isinstance(line.read, Submission)]


async def import_next(
    connection: Connection, partitions: PartitionSettings, job: RunningJob, began: float
) -> StepTaken:
    """Take the next piece, or as much of it as its customers' backlogs have room for."""
    pieces = await fetch_all_as(connection, __package__, "next_piece", {"id": job.id}, kind=_Piece)
    if not pieces:
        return StepTaken(ended=await _advance(connection, job, finished=True))
    (piece,) = pieces
    lines = await _read(connection, job, piece)
    part = await _fitting(connection, lines[piece.taken :])
    submissions = part.submissions
    results = await _store(connection, partitions, submissions)
    if part.full is None:
        await run(connection, __package__, "delete_piece", {"id": job.id, "number": piece.number})
    else:
        taken = {"id": job.id, "number": piece.number, "taken": piece.taken + len(part.lines)}
        await run(connection, __package__, "cut_piece", taken)
    pause = PAUSE_FOR_ROOM if part.full else pause_after(len(lines), None, time.monotonic() - began)
    freed = 0 if part.full else len(piece.body)
    await _advance(
        connection, job, freed=freed, pause=pause, error=_waits_for(part.full), **_counts(job, part, results)
    )
    return StepTaken(submissions=submissions, results=results)


async def _read(connection: Connection, job: RunningJob, piece: _Piece) -> list[Line]:
    """Read a piece beside the event loop, which has messages to send meanwhile."""
    now = (await read_now(connection)).timestamp()
    reader = SubmissionReader(lambda: now)
    body = await asyncio.to_thread(zlib.decompress, piece.body)
    lines = await asyncio.to_thread(read_lines, body, piece.first_line, reader, job.customer_id)
    if job.customer_id is None:
        return lines
    row = await fetch_one(connection, __package__, "read_incarnation", {"customer": job.customer_id})
    if row is not None and row[0] == job.incarnation:
        return lines
    return [Line(line.number, reject_unknown_customer(job.customer_id)) for line in lines]


async def _fitting(connection: Connection, lines: Sequence[Line]) -> _Part:
    """The lines up to the first one for which its customer's backlog has no room."""
    customers = {line.read.message.customer for line in lines if isinstance(line.read, Submission)}
    room = await _find_room(connection, list(customers))
    for place, line in enumerate(lines):
        customer = line.read.message.customer if isinstance(line.read, Submission) else ""
        if customer in room:
            if room[customer] <= 0:
                return _Part(lines[:place], customer)
            room[customer] -= 1
    return _Part(lines)


async def _find_room(connection: Connection, customers: list[str]) -> dict[str, int]:
    """How many more messages of those customers may wait that have a limit."""
    limits: dict[str, int] = dict(
        await fetch_all(connection, __package__, "find_backlog_limits", {"customers": customers})
    )
    if not limits:
        return {}
    values = {"customers": list(limits), "bounds": list(limits.values())}
    waiting = await fetch_all(connection, "sendoff_intake", "count_backlogs", values)
    return {customer: limits[customer] - count for customer, count in waiting}


def _waits_for(customer: str | None) -> str | None:
    return None if customer is None else f"the backlog of customer {customer!r} is full: it goes on when there is room"


async def _store(
    connection: Connection, partitions: PartitionSettings, submissions: Sequence[Submission]
) -> list[Result | Exception]:
    """Store them within the caller's transaction; halves that the database refuses are stored apart."""
    try:
        return list(await _insert(connection, partitions, submissions))
    except Error as error:
        if is_outage(error):
            raise
        if len(submissions) == 1:
            return [error]
    half = len(submissions) // 2
    first = await _store(connection, partitions, submissions[:half])
    return first + await _store(connection, partitions, submissions[half:])


async def _insert(
    connection: Connection, partitions: PartitionSettings, submissions: Sequence[Submission]
) -> list[Result]:
    try:
        async with connection.transaction():
            return await insert(connection, submissions, repeated=False)
    except errors.CheckViolation:  # no partition for this moment: none was made ahead for days
        await make_partitions(connection, partitions.every, partitions.ahead)
        async with connection.transaction():
            return await insert(connection, submissions, repeated=False)


def _counts(job: RunningJob, part: _Part, results: Sequence[Result | Exception]) -> dict[str, Any]:
    """What is to be added to the job: numbers, and as many rejections as it still lists."""
    of_submissions = iter(results)
    came_to = [(line, next(of_submissions) if isinstance(line.read, Submission) else line.read) for line in part.lines]
    refused = [(line, why) for line, why in came_to if isinstance(why, Rejected | Exception)]
    replayed = sum(isinstance(result, Stored) and result.replayed for result in results)
    listed = refused[: max(0, MOST_REJECTIONS - job.listed)]
    return {
        "stored": len(came_to) - len(refused) - replayed,
        "replayed": replayed,
        "rejected": len(refused),
        "rejections": [describe_rejection(line, why) for line, why in listed],
    }


async def _advance(
    connection: Connection,
    job: RunningJob,
    *,
    finished: bool = False,
    freed: int = 0,
    pause: float = 0.0,
    error: str | None = None,
    **counts: Any,
) -> dict[str, Any] | None:
    """Write how far the import is; returns its counts if this was its end."""
    values = {
        "stored": 0,
        "replayed": 0,
        "rejected": 0,
        **counts,
        "id": job.id,
        "rejections": Jsonb(counts.get("rejections", [])),
        "finished": finished,
        "freed": freed,
        "pause": pause,
        "error": error,
    }
    row = await fetch_one(connection, __package__, "advance_import", values)
    if row is None or not finished:
        return None
    return {"count": row[0], "skipped": row[1], "rejected": row[2], "state": JobState.DONE}
