"""Begin an import: many messages that are uploaded in pieces and accepted by a job."""

import hashlib

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.jobs import JobKind
from sendoff_http.jobs.model import Job
from sendoff_http.jobs.starting import HEADERS, answer_made
from sendoff_http.web.body import REPLAYED_HEADER, idempotency_key
from sendoff_http.web.keys import CALLER, POOL, REQUEST_ID
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.pagination import FIRST_ID, LAST_ID
from sendoff_intake.jobs.creating import NewJob, make_job
from sendoff_intake.jobs.rows import Requester
from sendoff_intake.jobs.selection import Selection

routes = Routes("Messages")

_RESPONSES = {
    202: ResponseDoc(
        "The job, held until its pieces are uploaded and it is resumed",
        Job,
        headers={"Location": "Where to upload to and to follow it", REPLAYED_HEADER: "true on a replay"},
    )
}


@routes.operation(
    "POST",
    "/v1/messages/import",
    "Begin to import messages",
    _RESPONSES,
    access=needs(Scope.WRITE_MESSAGES),
    problems=(422, 429, 503),
    headers=HEADERS,
)
async def import_messages(request: web.Request) -> web.Response:
    """Answer with a job that accepts what is uploaded to it (`PUT /v1/jobs/{id}/pieces/{number}`), once resumed."""
    caller = request[CALLER]
    new = NewJob(
        kind=JobKind.IMPORT_MESSAGES,
        selection=Selection(low=FIRST_ID, high=LAST_ID, customer=caller.customer),
        selected={},
        requester=Requester(name=caller.id, request_id=request[REQUEST_ID]),
        owner=caller.customer,
        hold=True,
        idempotency_key=idempotency_key(request),
        body_hash=hashlib.sha256(JobKind.IMPORT_MESSAGES.encode()).digest(),
    )
    async with request.app[POOL].connection() as connection:
        return answer_made(await make_job(connection, new))
