"""Gives a command to a job: what pausing, resuming and cancelling have in common."""

from aiohttp import web

from sendoff_domain.jobs import JobCommand, scope_of
from sendoff_http.jobs.finding import find_visible_job
from sendoff_http.jobs.model import SEEING, Job, describe_job
from sendoff_http.web.authentication import missing_scope
from sendoff_http.web.keys import CALLER, POOL, REQUEST_ID
from sendoff_http.web.operation import ResponseDoc, needs
from sendoff_http.web.problems import ProblemError
from sendoff_http.web.responses import json_response
from sendoff_intake.jobs.rows import Requester, command_job

#: What the operations declare.
ACCESS = needs(*SEEING)
RESPONSES = {200: ResponseDoc("The job as it is now", Job)}
PROBLEMS = (404, 409, 503)


async def answer_command(request: web.Request, command: JobCommand) -> web.Response:
    """Answer with the job as it is then; raises ProblemError 403 for a key that may not make such jobs, and 409."""
    caller = request[CALLER]
    async with request.app[POOL].connection() as connection:
        job = await find_visible_job(connection, request)
        if not caller.may((scope_of(job.kind),)):
            raise missing_scope(caller, (scope_of(job.kind),))
        is_so = await command_job(connection, job, command, Requester(name=caller.id, request_id=request[REQUEST_ID]))
        job = await find_visible_job(connection, request)
    if not is_so:
        detail = f"the job is {job.state}, so that it can't be told to {command}"
        raise ProblemError(409, "wrong_state", detail, extra={"jobState": job.state})
    return json_response(describe_job(job))
