"""Makes the job that a request asks for, or only counts."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from aiohttp import web

from sendoff_domain.ids import format_job_id
from sendoff_domain.jobs import MOST_EXPORTED, JobKind
from sendoff_domain.message import Status
from sendoff_http.jobs.model import BulkResult, Job, describe_job
from sendoff_http.web.body import REPLAYED_HEADER, idempotency_key
from sendoff_http.web.keys import CALLER, POOL, REQUEST_ID
from sendoff_http.web.operation import ResponseDoc
from sendoff_http.web.pagination import id_bounds
from sendoff_http.web.problems import ProblemError
from sendoff_http.web.responses import json_response
from sendoff_http.web.selection import BulkOrder, Filters
from sendoff_intake.jobs.creating import (
    MOST_OF_CUSTOMER,
    MOST_UNFINISHED,
    Made,
    NewJob,
    NoJob,
    count_selected,
    make_job,
)
from sendoff_intake.jobs.rows import Requester
from sendoff_intake.jobs.selection import Selection
from sendoff_intake.submission_reader import KEY_HEADER

#: What every operation says that makes a job.
RESPONSES = {
    200: ResponseDoc("How many, with dryRun", BulkResult),
    202: ResponseDoc(
        "The job, its messages counted",
        Job,
        headers={"Location": "Where to follow it", REPLAYED_HEADER: "true on a replay"},
    ),
}
HEADERS = {KEY_HEADER: "The same key with the same body gives the same job again, for as long as it is kept."}
#: Why there is none: when to ask again (seconds).
_RETRY_AFTER = "10"


async def start_job(
    request: web.Request, kind: JobKind, order: BulkOrder, change: Mapping[str, Any] | None = None
) -> web.Response:
    """Answer 202 with a job that does this with what the order selects, or 200 with a count for a dry run."""
    new = _new_job(request, kind, order, change or {})
    async with request.app[POOL].connection() as connection:
        if order.dry_run:
            matched = await count_selected(connection, kind, new.selection)
            return json_response(BulkResult(matched=matched, done=0, remaining=matched).document())
        return answer_made(await make_job(connection, new))


def answer_made(made: Made | NoJob) -> web.Response:
    """Answer 202 with a job that was made; raises ProblemError if none was."""
    if isinstance(made, NoJob):
        raise _refused(made)
    headers = {"Location": f"/v1/jobs/{format_job_id(made.job.id)}"}
    return json_response(describe_job(made.job), 202, headers | ({REPLAYED_HEADER: "true"} if made.replayed else {}))


def _new_job(request: web.Request, kind: JobKind, order: BulkOrder, change: Mapping[str, Any]) -> NewJob:
    caller, filters = request[CALLER], cast(Filters, order)
    status: str | None = getattr(order, "status", None)
    low, high = id_bounds(filters.created_after, filters.created_before)
    selection = Selection(
        low=low,
        high=high,
        customer=caller.narrow(filters.customer),
        recipient=filters.to,
        reference=filters.reference,
        reason=getattr(order, "reason", None),
        status=None if status is None else Status(status),
    )
    body = json.dumps([kind, order.model_dump(mode="json")], sort_keys=True)
    return NewJob(
        kind=kind,
        selection=selection,
        selected=order.selected(),
        requester=Requester(name=caller.id, request_id=request[REQUEST_ID]),
        owner=caller.customer or filters.customer,
        change=change,
        rate=order.rate,
        hold=order.hold,
        idempotency_key=idempotency_key(request),
        body_hash=hashlib.sha256(body.encode()).digest(),
    )


def _refused(why: NoJob) -> ProblemError:
    if why is NoJob.KEY_REUSED:
        return ProblemError(422, why, "this Idempotency-Key was used for another body")
    if why is NoJob.TOO_MANY_MESSAGES:
        return ProblemError(
            422, why, f"more than {MOST_EXPORTED} messages match: export them in parts, by createdAfter"
        )
    detail = f"at most {MOST_UNFINISHED} jobs may be unfinished, and {MOST_OF_CUSTOMER} of one customer; cancel some"
    return ProblemError(429, why, detail, headers={"Retry-After": _RETRY_AFTER})
