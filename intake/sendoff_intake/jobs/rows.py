"""Jobs as the database has them: listed, found, paused, resumed, cancelled."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sendoff_db.audit import AuditEntry, audited
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all_as, fetch_one
from sendoff_domain.ids import format_job_id
from sendoff_domain.jobs import LEAD_THERE, WANTED, JobCommand, JobKind, JobState


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row of `list_jobs.sql`."""

    id: UUID
    kind: JobKind
    state: JobState
    selection: Mapping[str, Any]
    change: Mapping[str, Any]
    customer_id: str | None
    rate: int | None
    matched: int
    done: int
    skipped: int
    rejected: int
    pieces: int
    error: str | None
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    body_hash: bytes | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", JobKind(self.kind))
        object.__setattr__(self, "state", JobState(self.state))


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who makes or commands a job, and by which request."""

    name: str
    request_id: str | None = None


_NO_FILTER = {
    "id": None,
    "before": None,
    "kinds": None,
    "state": None,
    "customer": None,
    "requested_by": None,
    "idempotency_key": None,
    "limit": 1,
}


async def list_jobs(
    connection: Connection,
    *,
    kinds: Iterable[JobKind] | None = None,
    state: JobState | None = None,
    customer: str | None = None,
    before: UUID | None = None,
    limit: int,
) -> list[JobRow]:
    """The newest jobs that fit, made before the one with the id `before`; of one customer's messages if it is given."""
    chosen = None if kinds is None else [str(kind) for kind in kinds]
    values = {"kinds": chosen, "state": state, "customer": customer, "before": before, "limit": limit}
    return await fetch_all_as(connection, __package__, "list_jobs", {**_NO_FILTER, **values}, kind=JobRow)


async def find_job(connection: Connection, job_id: UUID, *, customer: str | None = None) -> JobRow | None:
    """One job, of one customer's messages if it is given; None if there is none of that id."""
    values = {**_NO_FILTER, "id": job_id, "customer": customer}
    rows = await fetch_all_as(connection, __package__, "list_jobs", values, kind=JobRow)
    return rows[0] if rows else None


async def find_job_by_key(connection: Connection, requested_by: str, key: str) -> JobRow | None:
    """The job that was made under this idempotency key by the same caller."""
    values = {**_NO_FILTER, "requested_by": requested_by, "idempotency_key": key}
    rows = await fetch_all_as(connection, __package__, "list_jobs", values, kind=JobRow)
    return rows[0] if rows else None


async def read_rejections(connection: Connection, job_id: UUID) -> list[dict[str, Any]]:
    """The lines that an import has refused, with what is wrong in each; the first of them."""
    row = await fetch_one(connection, __package__, "read_rejections", {"id": job_id})
    return [] if row is None else list(row[0])


async def command_job(connection: Connection, job: JobRow, command: JobCommand, requester: Requester) -> bool:
    """Pause, resume or cancel a job; False if its state does not allow it. No step follows a pause or cancellation.

    In the state that is wanted it is True, and nothing changes.
    """
    wanted = WANTED[command]
    values = {"id": job.id, "wanted": wanted, "states": [str(state) for state in LEAD_THERE[command]]}
    async with audited(connection) as audit:
        if await fetch_one(connection, __package__, "change_job", values) is not None:
            audit.append(entry_of_job(job.id, f"job.{command}", job.customer_id, requester, kind=job.kind))
            return True
    row = await find_job(connection, job.id)
    return row is not None and row.state is wanted


def entry_of_job(job_id: UUID, action: str, customer: str | None, requester: Requester, **details: Any) -> AuditEntry:
    """What was done with a job, or by it."""
    return AuditEntry(
        actor=requester.name,
        action=action,
        target=format_job_id(job_id),
        customer_id=customer,
        request_id=requester.request_id,
        details=details,
    )
