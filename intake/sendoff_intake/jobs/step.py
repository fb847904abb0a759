"""One step of one job: the next messages are moved, and how far the job is, in one transaction.

The transaction holds the lock of the job's row. So no two processes take a step of the same job, a pause or
cancellation waits for the step under way and none follows it, and a process that dies leaves neither a message moved
without being counted nor one counted without being moved. No lease has to run out before another goes on.
"""

import time
from collections.abc import Mapping
from typing import Any

import structlog

from sendoff_config.settings import PartitionSettings
from sendoff_db.audit import audited
from sendoff_db.failures import describe, is_outage
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import fetch_all_as, fetch_one
from sendoff_domain.jobs import MOST_FAILURES, JobKind, JobState, pause_after, pause_after_failure, step_size
from sendoff_domain.times import parse_duration, parse_moment
from sendoff_intake.accepted_messages import AcceptedMessages
from sendoff_intake.jobs.exporting import export_next
from sendoff_intake.jobs.importing import import_next
from sendoff_intake.jobs.rows import entry_of_job
from sendoff_intake.jobs.running import RunningJob, StepTaken
from sendoff_intake.jobs.selection import Picked, pick
from sendoff_intake.moves.dead_letters import delete_dead_letters
from sendoff_intake.moves.resending import resend_dead_letters
from sendoff_intake.moves.waiting import NewTime, cancel, reschedule

#: A process that freezes within a step holds the job, and what it was about to move, so long at most.
_STALL = "2s"

#: The kinds that do not move messages.
_STEPS = {JobKind.IMPORT_MESSAGES.value: import_next, JobKind.EXPORT_MESSAGES.value: export_next}

log = structlog.get_logger("sendoff.jobs")


class _StepError(Exception):
    """The step of a job could not be done."""

    def __init__(self, job: RunningJob) -> None:
        super().__init__(job.id)
        self.job = job


async def seconds_to_step(pool: Pool) -> float | None:
    """In how many seconds the next step of a job is due, or None if no job runs."""
    async with pool.connection() as connection:
        row = await fetch_one(connection, __package__, "find_next_step")
    return None if row is None else row[0]


async def take_step(pool: Pool, partitions: PartitionSettings, accepted: AcceptedMessages | None = None) -> bool:
    """Take the step that is due for the longest time; False if none is due that nobody else is working on.

    One that can't be done is put off, and its job has failed after five in a row that its messages were to blame for,
    so that no job stands in the way of the others. What an import stores is counted by `accepted`.
    """
    async with pool.connection() as connection:
        try:
            taken = await _take_step(connection, partitions)
        except _StepError as error:
            job, cause = error.job, error.__cause__ or error
        else:
            if taken is not None and accepted is not None:
                accepted.count(taken.submissions, taken.results)
            return taken is not None
    log.warning("a step of a job could not be done", job=job.id.hex, error=describe(cause))
    async with pool.connection() as connection:
        await _postpone(connection, job, cause)
    return True


async def _take_step(connection: Connection, partitions: PartitionSettings) -> StepTaken | None:
    began = time.monotonic()
    async with audited(connection) as audit:
        await fetch_one(connection, __package__, "bound_step", {"stall": _STALL})
        jobs = await fetch_all_as(connection, __package__, "take_step", kind=RunningJob)
        if not jobs:
            return None
        (job,) = jobs
        step = _STEPS.get(job.kind, _move_next)
        try:
            taken = await step(connection, partitions, job, began)
        except Exception as error:  # whatever it is, it is this job's: the others must go on
            raise _StepError(job) from error
        if taken.ended is not None:
            audit.append(entry_of_job(job.id, job.kind, job.customer_id, job.requester, **taken.ended))
    return taken


async def _move_next(connection: Connection, partitions: PartitionSettings, job: RunningJob, began: float) -> StepTaken:
    """Move the next messages, and write how far the job is."""
    picked, done = await _act_on_next(connection, partitions, job)
    pause = pause_after(len(picked.ids), job.rate, time.monotonic() - began)
    done_in_all, skipped = await _advance(connection, job, picked, done=done, pause=pause)
    if picked.reached is not None:
        return StepTaken()
    return StepTaken(ended={"count": done_in_all, "skipped": skipped, "state": JobState.DONE})


async def _act_on_next(connection: Connection, partitions: PartitionSettings, job: RunningJob) -> tuple[Picked, int]:
    """Pick the next messages and move them; returns them, and how many there still were."""
    kind, limit = JobKind(job.kind), step_size(job.rate)
    picked = await pick(connection, kind, job.asked(), reached=job.reached, made_at=job.created_at, limit=limit)
    match kind:
        case JobKind.RESEND_DEAD_LETTERS:
            return picked, await resend_dead_letters(connection, partitions, picked.ids)
        case JobKind.PURGE_DEAD_LETTERS:
            return picked, len(await delete_dead_letters(connection, picked.ids))
        case JobKind.CANCEL_MESSAGES:
            return picked, await cancel(connection, picked.ids)
        case JobKind.RESCHEDULE_MESSAGES:
            return picked, await reschedule(connection, picked.ids, _new_time(job.change))
    raise ValueError(f"no message is moved by {kind}")


async def _advance(
    connection: Connection, job: RunningJob, picked: Picked, *, done: int, pause: float
) -> tuple[int, int]:
    """Write how far the job is; returns how many were moved and skipped in all."""
    values = {
        "id": job.id,
        "reached": picked.reached or job.reached,
        "done": done,
        "skipped": len(picked.ids) - done,
        "finished": picked.reached is None,
        "pause": pause,
    }
    row = await fetch_one(connection, __package__, "advance_job", values)
    return row or (0, 0)  # it is there: this transaction has its lock


async def _postpone(connection: Connection, job: RunningJob, cause: BaseException) -> None:
    """Let the step be tried again later; an outage is nobody's mistake and does not count."""
    failures = job.failures if is_outage(cause) else job.failures + 1
    failed = failures >= MOST_FAILURES
    values = {
        "id": job.id,
        "failures": failures,
        "failed": failed,
        "error": describe(cause),
        "pause": pause_after_failure(max(1, failures)),
    }
    async with audited(connection) as audit:
        counts = await fetch_one(connection, __package__, "postpone_job", values)
        if counts is not None and failed:
            details = {"count": counts[0], "skipped": counts[1], "state": JobState.FAILED}
            audit.append(entry_of_job(job.id, job.kind, job.customer_id, job.requester, **details))


def _new_time(change: Mapping[str, Any]) -> NewTime:
    if "shift" in change:
        return NewTime(shift=parse_duration(change["shift"]))
    return NewTime(deliver_at=parse_moment(change["deliverAt"]))
