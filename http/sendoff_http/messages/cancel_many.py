"""Cancel many messages that wait."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.jobs import JobKind
from sendoff_http.jobs.starting import HEADERS, RESPONSES, start_job
from sendoff_http.messages.selection import WaitingSelection
from sendoff_http.web.body import JSON, read_model
from sendoff_http.web.operation import Body, Routes, needs

routes = Routes("Messages")


@routes.operation(
    "POST",
    "/v1/messages/cancel",
    "Cancel many messages",
    RESPONSES,
    access=needs(Scope.WRITE_MESSAGES),
    problems=(400, 413, 415, 422, 429, 503),
    body=Body(
        {JSON: WaitingSelection},
        {"of one customer": {"customer": "acme"}, "count": {"status": "retrying", "dryRun": True}},
    ),
    headers=HEADERS,
)
async def cancel_messages(request: web.Request) -> web.Response:
    """Answer with the job that cancels them; what is being sent when its turn comes is left alone."""
    order = await read_model(request, WaitingSelection)
    return await start_job(request, JobKind.CANCEL_MESSAGES, order)
