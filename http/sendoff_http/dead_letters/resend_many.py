"""Send many dead letters again."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.jobs import JobKind
from sendoff_http.dead_letters.selection import SELECTION_BODY, Selection
from sendoff_http.jobs.starting import HEADERS, RESPONSES, start_job
from sendoff_http.web.body import read_model
from sendoff_http.web.operation import Routes, needs

routes = Routes("Dead letters")


@routes.operation(
    "POST",
    "/v1/dead-letters/resend",
    "Send many dead letters again",
    RESPONSES,
    access=needs(Scope.DEAD_LETTERS),
    problems=(400, 413, 415, 422, 429, 503),
    body=SELECTION_BODY,
    headers=HEADERS,
)
async def resend_dead_letters(request: web.Request) -> web.Response:
    """Answer with the job that makes them due again; those whose customers were deleted do not count and stay."""
    order = await read_model(request, Selection)
    return await start_job(request, JobKind.RESEND_DEAD_LETTERS, order)
