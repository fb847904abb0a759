"""Export many messages."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.jobs import JobKind
from sendoff_http.jobs.starting import HEADERS, RESPONSES, start_job
from sendoff_http.messages.selection import ExportSelection
from sendoff_http.web.body import JSON, read_model
from sendoff_http.web.operation import Body, Routes, needs

routes = Routes("Messages")


@routes.operation(
    "POST",
    "/v1/messages/export",
    "Export many messages",
    RESPONSES,
    access=needs(Scope.READ_MESSAGES),
    problems=(400, 413, 415, 422, 429, 503),
    body=Body({JSON: ExportSelection}, {"of one customer": {"customer": "acme", "status": "sent"}}),
    headers=HEADERS,
)
async def export_messages(request: web.Request) -> web.Response:
    """Answer with the job that writes them into pieces, which can be downloaded until a day after its end."""
    order = await read_model(request, ExportSelection)
    return await start_job(request, JobKind.EXPORT_MESSAGES, order)
