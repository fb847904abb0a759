"""Read one job."""

from aiohttp import web

from sendoff_http.jobs.finding import find_visible_job
from sendoff_http.jobs.model import SEEING, Job, describe_job
from sendoff_http.web.keys import POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.responses import json_response

routes = Routes("Jobs")


@routes.operation(
    "GET",
    "/v1/jobs/{id}",
    "Read a job",
    {200: ResponseDoc("The job as it is now", Job)},
    access=needs(*SEEING),
    problems=(404, 503),
)
async def read_job(request: web.Request) -> web.Response:
    """Answer with the job and its progress."""
    async with request.app[POOL].connection() as connection:
        job = await find_visible_job(connection, request)
    return json_response(describe_job(job))
