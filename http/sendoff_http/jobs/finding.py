"""Finds the job that a request is about, if its caller may see it."""

from aiohttp import web

from sendoff_db.pool import Connection
from sendoff_http.jobs.model import visible_kinds
from sendoff_http.web.keys import CALLER
from sendoff_http.web.paths import job_id_of
from sendoff_http.web.problems import no_such_job
from sendoff_intake.jobs.rows import JobRow, find_job


async def find_visible_job(connection: Connection, request: web.Request) -> JobRow:
    """The job of the id in the path; raises ProblemError 404 also for one that is another customer's."""
    caller = request[CALLER]
    job = await find_job(connection, job_id_of(request), customer=caller.customer)
    if job is None or job.kind not in visible_kinds(caller):
        raise no_such_job(request.match_info["id"])
    return job
