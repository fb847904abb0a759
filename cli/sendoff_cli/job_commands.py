"""`sendoff jobs ...`: long work on many messages, through the API."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

import typer

from sendoff_cli.api_client import ApiClient, configured_api
from sendoff_cli.console import say, show, show_json
from sendoff_cli.job_table import describe_job, jobs_table
from sendoff_cli.job_watch import watch_job
from sendoff_cli.message_options import CursorOption, LimitOption, query_of
from sendoff_cli.options import ConfigOption, JsonOption, UrlOption
from sendoff_cli.paging import fetch_list
from sendoff_cli.plain_text import card
from sendoff_domain.jobs import JobCommand, JobKind, JobState

JobArgument = Annotated[str, typer.Argument(metavar="ID", help="The job's id: job_...")]
StateFilter = Annotated[JobState | None, typer.Option("--state", help="In this state now.")]
KindFilter = Annotated[JobKind | None, typer.Option("--kind", help="That do this.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    jobs = typer.Typer(no_args_is_help=True, help="See long work on many messages, pause, resume and cancel it.")
    jobs.command("list")(list_jobs)
    jobs.command("show")(show_job)
    jobs.command("watch")(watch)
    jobs.command("pause")(pause_job)
    jobs.command("resume")(resume_job)
    jobs.command("cancel")(cancel_job)
    app.add_typer(jobs, name="jobs")


def list_jobs(
    *,
    state: StateFilter = None,
    kind: KindFilter = None,
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, the newest first; all filters must fit."""
    query = query_of(state=state, kind=kind)
    found = asyncio.run(fetch_list(configured_api(url, config), "/v1/jobs", query, limit, cursor=cursor))
    show_json(found.document()) if as_json else show(jobs_table(found))


def show_job(
    job_id: JobArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show a job, what it selects and how far it is."""
    job = _call(configured_api(url, config), "GET", job_id)
    show_json(job) if as_json else show(card(job))


def watch(
    job_id: JobArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Follow a job to its end; Ctrl-C leaves it running."""
    api = configured_api(url, config)
    watch_job(api, _call(api, "GET", job_id), as_json=as_json)


def pause_job(
    job_id: JobArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Let a job move nothing more until it is resumed."""
    _command(configured_api(url, config), job_id, JobCommand.PAUSE, as_json=as_json)


def resume_job(
    job_id: JobArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Start a job that is held, or let one go on that is paused or has failed."""
    _command(configured_api(url, config), job_id, JobCommand.RESUME, as_json=as_json)


def cancel_job(
    job_id: JobArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """End a job; what it has moved stays moved."""
    _command(configured_api(url, config), job_id, JobCommand.CANCEL, as_json=as_json)


def _command(api: ApiClient, job_id: str, command: JobCommand, *, as_json: bool) -> None:
    job = _call(api, "POST", job_id, f"/{command}")
    show_json(job) if as_json else say(describe_job(job))


def _call(api: ApiClient, method: str, job_id: str, verb: str = "") -> Any:
    """Every one of these may be repeated: a command that is obeyed already changes nothing."""
    return asyncio.run(api.call_safely(method, f"/v1/jobs/{quote(job_id, safe='')}{verb}"))
