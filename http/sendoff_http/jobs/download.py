"""Download a piece of an export."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.jobs import JobKind
from sendoff_http.jobs.finding import find_visible_job
from sendoff_http.web.body import LINES
from sendoff_http.web.keys import POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.problems import ProblemError
from sendoff_intake.jobs.exporting import read_piece

routes = Routes("Jobs")

_LONGEST_NUMBER = 6


@routes.operation(
    "GET",
    "/v1/jobs/{id}/pieces/{number}",
    "Download a piece of an export",
    {200: ResponseDoc("Messages, one in each line, the oldest first", str, content_type=LINES)},
    access=needs(Scope.READ_MESSAGES),
    problems=(404, 503),
)
async def download_piece(request: web.Request) -> web.Response:
    """Answer with the messages of a piece, from number 0 to `pieces` of the job; more come until it is done."""
    number = request.match_info["number"]
    body = None
    async with request.app[POOL].connection() as connection:
        job = await find_visible_job(connection, request)
        is_number = number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER
        if job.kind is JobKind.EXPORT_MESSAGES and is_number:
            body = await read_piece(connection, job.id, int(number))
    if body is None:
        raise ProblemError(404, "piece_not_found", f"the job has no piece {number[:80]!r}, or has it no more")
    return web.Response(body=body, content_type=LINES)
