"""An order about many messages: counted, confirmed, made a job, and followed to its end."""

import asyncio
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from sendoff_cli.api_client import ApiClient
from sendoff_cli.console import say, show, show_json
from sendoff_cli.job_table import Document, describe_job
from sendoff_cli.job_watch import watch_job
from sendoff_domain.errors import SendoffError
from sendoff_domain.jobs import LARGEST_RATE, JobCommand, JobState

AllOption = Annotated[bool, typer.Option("--all", help="All of them, when there is no filter.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only count.")]
RateOption = Annotated[int | None, typer.Option("--rate", min=1, max=LARGEST_RATE, help="Messages per second at most.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Begin without asking.")]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Don't follow the job to its end.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOrder:
    """What is wanted: `path` is the operation, `verb` says to a person what it does ("resend").

    `change` is what else the operation has to know: the new time of a reschedule.
    """

    path: str
    verb: str
    filters: Mapping[str, str]
    everything: bool = False
    rate: int | None = None
    change: Mapping[str, str] = field(default_factory=dict)

    def body(self, **more: bool) -> dict[str, Any]:
        """The request's body; raises BadParameter unless it has either filters or everything."""
        if bool(self.filters) == self.everything:
            raise typer.BadParameter("expected either filters or --all")
        selection = {"all": True} if self.everything else dict(self.filters)
        return selection | dict(self.change) | ({} if self.rate is None else {"rate": self.rate}) | more


def is_of_one(message_id: str | None, order: BulkOrder, *, dry_run: bool, no_wait: bool) -> bool:
    """Whether it is about one message; raises BadParameter unless there is either an ID or what chooses many."""
    chooses = bool(order.filters) or order.everything
    if message_id is None and not chooses:
        raise typer.BadParameter("expected an ID, filters or --all")
    if message_id is not None and (chooses or order.rate is not None or dry_run or no_wait):
        raise typer.BadParameter("expected either an ID, or filters and what goes with them, not both")
    return message_id is not None


def confirmed(question: str) -> bool:
    """Whether somebody says yes on standard input; its end is a no, and so is Ctrl-C."""
    say(f"{question} [y/N]")
    try:
        return sys.stdin is not None and sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        return False


def carry_out(api: ApiClient, order: BulkOrder, *, dry_run: bool, yes: bool, wait: bool, as_json: bool) -> None:
    """Make a job of it, ask whether to start it unless `yes`, and follow it to its end if told to wait.

    A dry run only shows how many it would be about now. Raises SendoffError when the answer is no; the job is cancelled
    then, as it is by Ctrl-C.
    """
    if dry_run:
        _count(api, order, as_json=as_json)
        return
    job = _make(api, order, hold=not yes)
    if job["state"] == JobState.HELD:
        job = _start_if_confirmed(api, order, job)
    if wait:
        watch_job(api, job, as_json=as_json)
    else:
        show_json(job) if as_json else say(describe_job(job))


def _count(api: ApiClient, order: BulkOrder, *, as_json: bool) -> None:
    counted = asyncio.run(api.call("POST", order.path, order.body(dryRun=True)))
    show_json(counted) if as_json else show(f"{counted['matched']} match")


def _make(api: ApiClient, order: BulkOrder, *, hold: bool) -> Document:
    headers = {"Idempotency-Key": str(uuid.uuid4())}  # an answer that is lost must not make a second job
    job: Document = asyncio.run(api.call_safely("POST", order.path, order.body(hold=hold), headers=headers))
    return job


def _start_if_confirmed(api: ApiClient, order: BulkOrder, job: Document) -> Document:
    rate = "" if job["rate"] is None else f", at most {job['rate']} a second"
    return start_if(
        api, job, confirmed(f"{order.verb} {job['matched']} of {job['customer'] or 'all customers'}{rate}?")
    )


def start_if(api: ApiClient, job: Document, wanted: bool) -> Document:
    """Start a job that is held, or cancel it; raises SendoffError then."""
    if wanted:
        return _command(api, job, JobCommand.RESUME)
    _command(api, job, JobCommand.CANCEL)
    raise SendoffError(f"{job['id']} is cancelled, nothing was done; --yes begins without asking")


def _command(api: ApiClient, job: Document, command: JobCommand) -> Document:
    commanded: Document = asyncio.run(api.call_safely("POST", f"/v1/jobs/{job['id']}/{command}"))
    return commanded
