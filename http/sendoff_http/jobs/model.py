"""Jobs as the API shows them."""

from typing import Annotated, Any

from pydantic import Field

from sendoff_domain.access import Caller, Scope
from sendoff_domain.ids import format_job_id
from sendoff_domain.jobs import JobKind, JobState, expires_at, progress, scope_of
from sendoff_domain.times import format_moment, format_optional
from sendoff_http.web.documents import ResponseModel, ShownMoment
from sendoff_intake.jobs.rows import JobRow

#: What a key may have to see jobs.
SEEING = (Scope.READ_MESSAGES, Scope.WRITE_MESSAGES, Scope.DEAD_LETTERS)

JobId = Annotated[str, Field(pattern="^job_[0-9a-f]{32}$", examples=["job_0192f0c1a2b37c4d8e5f60718293a4b5"])]


class BulkResult(ResponseModel):
    """How many it is about."""

    matched: int = Field(description="How many fit now.")
    done: int = Field(description="0: nothing was done.")
    remaining: int = Field(description="As many as matched.")


class Job(ResponseModel):
    """Long work on many messages."""

    id: JobId
    kind: JobKind
    state: JobState = Field(description="held: it begins when it is resumed; failed: it can be resumed.")
    selection: dict[str, Any] = Field(description="The filters, as they were sent in.")
    change: dict[str, Any] = Field(description="For a reschedule: deliverAt or shift.")
    customer: str | None = Field(description="Whose messages alone it is about; null: of all.")
    rate: int | None = Field(description="Messages per second at most; null: no limit.")
    matched: int = Field(description="How many there were when it was made; this does not change.")
    done: int = Field(description="How many it has moved. None is moved twice.")
    skipped: int = Field(
        description="How many had gone elsewhere when their turn came; of an import: were there by key."
    )
    rejected: int = Field(description="How many lines of an import were refused.")
    pieces: int = Field(description="Of an import: uploaded; of an export: to be downloaded.")
    progress: float = Field(ge=0, le=1, description="The part that is behind it. It never goes back.")
    requested_by: str
    error: str | None = Field(
        description="Why its last step could not be done, which is tried again unless it failed; or why it has expired."
    )
    created_at: ShownMoment
    expires_at: ShownMoment | None = Field(
        description="When a held job is cancelled, and when what an export has made is deleted; null for all others."
    )
    started_at: ShownMoment | None
    finished_at: ShownMoment | None


class JobPage(ResponseModel):
    """Jobs, the newest first; the list ends where nextCursor is null."""

    data: list[Job]
    next_cursor: str | None


def describe_job(row: JobRow) -> dict[str, Any]:
    """The job's document."""
    return {
        "id": format_job_id(row.id),
        "kind": row.kind,
        "state": row.state,
        "selection": row.selection,
        "change": row.change,
        "customer": row.customer_id,
        "rate": row.rate,
        "matched": row.matched,
        "done": row.done,
        "skipped": row.skipped,
        "rejected": row.rejected,
        "pieces": row.pieces,
        "progress": progress(matched=row.matched, taken=row.done + row.skipped + row.rejected, state=row.state),
        "requestedBy": row.requested_by,
        "error": row.error,
        "createdAt": format_moment(row.created_at),
        "expiresAt": format_optional(expires_at(row.kind, row.state, row.created_at, row.finished_at)),
        "startedAt": format_optional(row.started_at),
        "finishedAt": format_optional(row.finished_at),
    }


def visible_kinds(caller: Caller) -> list[JobKind]:
    """What a caller sees: who may read messages sees every job, others those that they may make."""
    return [kind for kind in JobKind if caller.may((Scope.READ_MESSAGES, scope_of(kind)))]
