"""Ends the jobs that wait for a go-ahead that nobody gives, and frees what cancelled ones still hold."""

from sendoff_db.audit import audited
from sendoff_db.pool import Pool
from sendoff_db.sql import fetch_all, fetch_one
from sendoff_domain.jobs import EXPORT_KEPT_FOR, LONGEST_HOLD, JobState
from sendoff_domain.times import format_duration
from sendoff_intake.jobs.rows import Requester, entry_of_job

#: Who did it, as the audit has it.
_WORKER = Requester(name="worker")
_REASON = f"nobody started it within {format_duration(LONGEST_HOLD)}"


async def end_unanswered(pool: Pool) -> int:
    """Cancel what has been held for too long; returns how many there were. Any number of processes may do so."""
    async with pool.connection() as connection, audited(connection) as audit:
        values = {"longest": LONGEST_HOLD, "reason": _REASON}
        ended = await fetch_all(connection, __package__, "end_unanswered", values)
        for job_id, kind, customer, matched in ended:
            details = {"kind": kind, "matched": matched, "state": JobState.CANCELLED}
            audit.append(entry_of_job(job_id, "job.expire", customer, _WORKER, **details))
    return len(ended)


async def free_pieces(pool: Pool) -> None:
    """Delete the pieces of cancelled jobs, and of exports a day after their end, a few in each transaction."""
    async with pool.connection() as connection:
        values = {"kept": EXPORT_KEPT_FOR}
        while (row := await fetch_one(connection, __package__, "free_pieces", values)) is not None and row[0]:
            pass
