"""Jobs: the work on many messages that goes on in the workers, followed, paused, resumed and cancelled."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.jobs import FINISHED, LEAD_THERE, JobCommand, JobKind, JobState, scope_of
from sendoff_http.admin.job_words import KINDS, change_in_words, selected_in_words
from sendoff_http.admin.messages import NOTHING, asked_of
from sendoff_http.admin.pages import ROOT, Pages
from sendoff_http.admin.visit import Visit
from sendoff_http.web.operation import needs
from sendoff_http.web.problems import ProblemError

pages = Pages()

_MAY_SEE = needs(Scope.READ_MESSAGES, Scope.WRITE_MESSAGES, Scope.DEAD_LETTERS)
_MAY_COMMAND = needs(Scope.WRITE_MESSAGES, Scope.DEAD_LETTERS)
_LIMIT = 50
_WORDS: Mapping[str, Any] = {"kinds": KINDS, "selected_in_words": selected_in_words, "change_in_words": change_in_words}


@pages.page("/jobs", access=_MAY_SEE)
async def show_jobs(visit: Visit) -> web.Response:
    """A page of jobs, the newest first."""
    asked = asked_of(visit.request.query, ("state", "kind", "cursor"))
    problem, found = None, NOTHING
    try:
        found = await visit.read("/v1/jobs", query={**asked, "limit": _LIMIT})
    except ProblemError as error:
        if error.status != 422:
            raise
        problem = error
    return await visit.page("jobs.html", asked=asked, found=found, problem=problem, states=[*JobState], **_WORDS)


@pages.page("/jobs/{id}", access=_MAY_SEE)
async def show_job(visit: Visit) -> web.Response:
    """One job, which is asked about again and again while it is not at its end."""
    return await visit.page("job.html", **await _job(visit))


@pages.page("/jobs/{id}/live", access=_MAY_SEE)
async def show_progress(visit: Visit) -> web.Response:
    """What of a job's page changes, for the script that puts it in its place."""
    return await visit.page("job_live.html", **await _job(visit))


async def _job(visit: Visit) -> Mapping[str, Any]:
    job = await visit.read("/v1/jobs/{}", visit.part())
    kind, state = JobKind(job["kind"]), JobState(job["state"])
    commands = [command for command in JobCommand if state in LEAD_THERE[command]]
    return {
        "job": job,
        "words": KINDS[kind],
        "commands": commands if visit.caller.may((scope_of(kind),)) else [],
        "is_finished": state in FINISHED,
        **_WORDS,
    }


@pages.form("/jobs/{id}/pause", access=_MAY_COMMAND)
async def pause_job(visit: Visit) -> web.Response:
    """Let it rest: once this is answered no further message is moved."""
    return await _command(visit, JobCommand.PAUSE, "The job is paused.")


@pages.form("/jobs/{id}/resume", access=_MAY_COMMAND)
async def resume_job(visit: Visit) -> web.Response:
    """Start it, or let it go on."""
    return await _command(visit, JobCommand.RESUME, "The job runs.")


@pages.form("/jobs/{id}/cancel", access=_MAY_COMMAND)
async def cancel_job(visit: Visit) -> web.Response:
    """End it; what was moved stays moved."""
    return await _command(visit, JobCommand.CANCEL, "The job is cancelled.")


async def _command(visit: Visit, command: JobCommand, done: str) -> web.Response:
    job_id = visit.part()
    return await visit.act(done, f"{ROOT}/jobs/{job_id}", ("POST", f"/v1/jobs/{{}}/{command}", job_id))
