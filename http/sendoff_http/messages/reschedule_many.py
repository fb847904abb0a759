"""Move many messages that wait to another time."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.jobs import JobKind
from sendoff_http.jobs.starting import HEADERS, RESPONSES, start_job
from sendoff_http.messages.selection import RescheduleSelection
from sendoff_http.web.body import JSON, read_model
from sendoff_http.web.operation import Body, Routes, needs

routes = Routes("Messages")


@routes.operation(
    "POST",
    "/v1/messages/reschedule",
    "Move many deliveries to another time",
    RESPONSES,
    access=needs(Scope.WRITE_MESSAGES),
    problems=(400, 413, 415, 422, 429, 503),
    body=Body({JSON: RescheduleSelection}, {"an hour later": {"customer": "acme", "shift": "1h"}}),
    headers=HEADERS,
)
async def reschedule_messages(request: web.Request) -> web.Response:
    """Answer with the job that moves them; what would come after its expiry stays where it is."""
    order = await read_model(request, RescheduleSelection)
    return await start_job(request, JobKind.RESCHEDULE_MESSAGES, order, order.new_time())
