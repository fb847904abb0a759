"""`sendoff export`: many messages into a file, as a job."""

import asyncio
import uuid
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from sendoff_cli.api_client import ApiClient, configured_api
from sendoff_cli.bulk_order import AllOption, BulkOrder, RateOption
from sendoff_cli.console import say
from sendoff_cli.exported_file import STANDARD_OUTPUT, writing_export
from sendoff_cli.job_table import Document
from sendoff_cli.job_watch import watch_job
from sendoff_cli.message_options import (
    CreatedAfterFilter,
    CreatedBeforeFilter,
    CustomerFilter,
    ReferenceFilter,
    ToFilter,
    query_of,
)
from sendoff_cli.options import ConfigOption, JsonOption, UrlOption
from sendoff_domain.message import Status

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="*.ndjson or *.csv; - writes lines of JSON out.")]
StatusFilter = Annotated[Status | None, typer.Option("--status", help="In this state when its turn comes.")]
JobOption = Annotated[str | None, typer.Option("--job", metavar="ID", help="Write what an earlier export has made.")]

_PATH = "/v1/messages/export"


def add_commands(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("export")(export_messages)


def export_messages(
    file: FileArgument,
    *,
    status: StatusFilter = None,
    customer: CustomerFilter = None,
    to: ToFilter = None,
    reference: ReferenceFilter = None,
    created_after: CreatedAfterFilter = None,
    created_before: CreatedBeforeFilter = None,
    everything: AllOption = False,
    rate: RateOption = None,
    job_id: JobOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write many messages into a file, as they are shown; all filters must fit."""
    filters = query_of(
        status=status,
        customer=customer,
        to=to,
        reference=reference,
        created_after=created_after,
        created_before=created_before,
    )
    order = BulkOrder(path=_PATH, verb="export", filters=filters, everything=everything, rate=rate)
    api = configured_api(url, config)
    if as_json and file == STANDARD_OUTPUT:
        raise typer.BadParameter("expected a file, since standard output is for --json")
    if job_id is None:
        job = _make(api, order)
    elif filters or everything:
        raise typer.BadParameter("expected either --job, or filters, not both")
    else:
        job = asyncio.run(api.call_safely("GET", f"/v1/jobs/{quote(job_id, safe='')}"))
    job = watch_job(api, job, as_json=as_json)
    with writing_export(file) as write:
        for number in range(job["pieces"]):
            write(asyncio.run(api.call_safely("GET", f"/v1/jobs/{job['id']}/pieces/{number}")))
    say(f"{job['done']} messages are written to {file}")


def _make(api: ApiClient, order: BulkOrder) -> Document:
    headers = {"Idempotency-Key": str(uuid.uuid4())}  # an answer that is lost must not make a second job
    job: Document = asyncio.run(api.call_safely("POST", order.path, order.body(), headers=headers))
    return job
