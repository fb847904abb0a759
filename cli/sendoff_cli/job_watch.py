"""Follows a job to its end, with a bar on standard error where that is a terminal."""

import asyncio
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from sendoff_cli.api_client import ApiClient, NoApiError
from sendoff_cli.console import say, show_json
from sendoff_cli.job_table import Document, describe_job
from sendoff_cli.plain_text import printable
from sendoff_domain.errors import SendoffError, UnavailableError
from sendoff_domain.jobs import FINISHED, JobState

_PAUSE_SECONDS = 0.5
#: An API that does not answer for so long (seconds) is given up; one that is started again takes less.
_PATIENCE_SECONDS = 60.0


def watch_job(api: ApiClient, job: Document, *, as_json: bool) -> Document:
    """Wait for the end of a job, show how it ended and return it; raises SendoffError unless it is done.

    Ctrl-C ends the watching, not the job; that is said.
    """
    try:
        ended = asyncio.run(_follow(api, job))
    except KeyboardInterrupt:
        raise SendoffError(f"{job['id']} goes on: `sendoff jobs watch {job['id']}` follows it") from None
    if as_json:
        show_json(ended)
    if ended["state"] != JobState.DONE:
        raise SendoffError(describe_job(ended))
    if not as_json:
        say(describe_job(ended))
    return ended


async def _follow(api: ApiClient, job: Document) -> Document:
    said = None
    with _bar() as bar:
        task = bar.add_task("", total=job["matched"])
        while job["state"] not in FINISHED:
            if job["state"] != said:
                said = job["state"]
                say(describe_job(job))
            error = f": {printable(job['error'])}" if job["error"] else ""
            bar.update(
                task,
                completed=job["done"] + job["skipped"] + job["rejected"],
                description=f"{job['kind']} {said}{error}",
            )
            await asyncio.sleep(_PAUSE_SECONDS)
            job = await _look(api, job["id"])
    return job


async def _look(api: ApiClient, job_id: str) -> Document:
    """The job as it is now; an API that is gone for a moment is asked again."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            found: dict[str, Any] = await api.call("GET", f"/v1/jobs/{job_id}")
        except (NoApiError, UnavailableError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return found


def _bar() -> Progress:
    console = Console(stderr=True)
    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
