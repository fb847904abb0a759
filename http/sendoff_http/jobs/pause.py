"""Pause a job, and let it go on."""

from aiohttp import web

from sendoff_domain.jobs import JobCommand
from sendoff_http.jobs.commanding import ACCESS, PROBLEMS, RESPONSES, answer_command
from sendoff_http.web.operation import Routes

routes = Routes("Jobs")


@routes.operation("POST", "/v1/jobs/{id}/pause", "Pause a job", RESPONSES, access=ACCESS, problems=PROBLEMS)
async def pause_job(request: web.Request) -> web.Response:
    """Answer once no further message is moved; 409 unless it runs."""
    return await answer_command(request, JobCommand.PAUSE)


@routes.operation("POST", "/v1/jobs/{id}/resume", "Start or resume a job", RESPONSES, access=ACCESS, problems=PROBLEMS)
async def resume_job(request: web.Request) -> web.Response:
    """Let a job go on that is held, is paused or has failed; nothing is made up for."""
    return await answer_command(request, JobCommand.RESUME)
