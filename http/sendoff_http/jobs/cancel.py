"""Cancel a job."""

from aiohttp import web

from sendoff_domain.jobs import JobCommand
from sendoff_http.jobs.commanding import ACCESS, PROBLEMS, RESPONSES, answer_command
from sendoff_http.web.operation import Routes

routes = Routes("Jobs")


@routes.operation("POST", "/v1/jobs/{id}/cancel", "Cancel a job", RESPONSES, access=ACCESS, problems=PROBLEMS)
async def cancel_job(request: web.Request) -> web.Response:
    """Answer once no further message is moved; what was moved stays moved."""
    return await answer_command(request, JobCommand.CANCEL)
