"""List jobs, the newest first."""

from uuid import UUID

from aiohttp import web
from pydantic import Field

from sendoff_domain.jobs import JobKind, JobState
from sendoff_http.jobs.model import SEEING, JobPage, describe_job, visible_kinds
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.pagination import PageQuery, cut_page, decode_position, encode_position, no_such_cursor
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import read_query
from sendoff_intake.jobs.rows import list_jobs as fetch_jobs

routes = Routes("Jobs")

_KIND = "j"


class JobQuery(PageQuery):
    """Which jobs; all filters must fit."""

    state: JobState | None = Field(default=None, description="In this state now.")
    kind: JobKind | None = Field(default=None, description="That do this.")


@routes.operation(
    "GET",
    "/v1/jobs",
    "List jobs, newest first",
    {200: ResponseDoc("One page", JobPage)},
    access=needs(*SEEING),
    problems=(422, 503),
    query=JobQuery,
)
async def list_jobs(request: web.Request) -> web.Response:
    """Answer with one page."""
    caller, query = request[CALLER], read_query(request, JobQuery)
    async with request.app[POOL].connection() as connection:
        rows = await fetch_jobs(
            connection,
            kinds=[kind for kind in visible_kinds(caller) if query.kind in (None, kind)],
            state=query.state,
            customer=caller.customer,
            before=None if query.cursor is None else _decode(query.cursor),
            limit=query.limit + 1,
        )
    shown, next_cursor = cut_page(rows, query.limit, lambda row: encode_position(_KIND, row.id.bytes))
    return json_response({"data": [describe_job(row) for row in shown], "nextCursor": next_cursor})


def _decode(cursor: str) -> UUID:
    """The job that the cursor stands behind; raises ProblemError 422."""
    position = decode_position(_KIND, cursor)
    if len(position) != len(UUID(int=0).bytes):
        raise no_such_cursor()
    return UUID(bytes=position)
