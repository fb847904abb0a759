"""`sendoff import`: its options, its questions and what it says of the lines that are refused."""

import asyncio
import hashlib
import sys
import uuid
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sendoff_cli.api_client import ApiClient, configured_api
from sendoff_cli.bulk_order import NoWaitOption, YesOption, confirmed, start_if
from sendoff_cli.console import complain, say, show_json
from sendoff_cli.imports.celery import CeleryTasks, read_celery
from sendoff_cli.imports.files import read_csv, read_ndjson
from sendoff_cli.imports.qstash import QStashMessages, read_qstash
from sendoff_cli.imports.source_line import Source
from sendoff_cli.imports.upload import upload
from sendoff_cli.job_table import Document, describe_job
from sendoff_cli.job_watch import watch_job
from sendoff_cli.options import ConfigOption, JsonOption, UrlOption
from sendoff_domain.errors import SendoffError
from sendoff_domain.jobs import JobState


class Origin(StrEnum):
    """Where messages come from; a file is CSV by its ending, and else one JSON object a line."""

    FILE = "file"
    CELERY = "celery"
    QSTASH = "qstash"


SourceArgument = Annotated[
    str, typer.Argument(metavar="FILE|REDIS_URL", help="*.csv or *.ndjson, or what --from says.")
]
FromOption = Annotated[Origin, typer.Option("--from", help="Whose messages these are.")]
CustomerOption = Annotated[str | None, typer.Option("--customer", help="Whose they become, where they do not say.")]
ToOption = Annotated[str | None, typer.Option("--to", help="Celery, QStash: the recipient of all.")]
MapOption = Annotated[
    list[str] | None, typer.Option("--map", metavar="COLUMN=FIELD", help="CSV: a column by another name.")
]
QueueOption = Annotated[list[str] | None, typer.Option("--queue", help="Celery: a queue, `celery` if none is given.")]
PrefixOption = Annotated[str, typer.Option("--key-prefix", help="Celery: its global_keyprefix.")]
TaskOption = Annotated[
    list[str] | None, typer.Option("--task", metavar="NAME", help="Celery: only tasks of this name.")
]
ToArgumentOption = Annotated[
    str | None, typer.Option("--to-argument", metavar="NAME", help="Celery: the keyword argument with the recipient.")
]
DestinationOption = Annotated[
    list[str] | None, typer.Option("--destination", metavar="URL=CUSTOMER", help="QStash: whose this URL becomes.")
]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", help="The same key is the same import.", show_default="made of a file's bytes"),
]
AgainOption = Annotated[bool, typer.Option("--again", help="Import the same file once more.")]
PrintOption = Annotated[bool, typer.Option("--print", help="Only print the messages, one JSON object a line.")]


def add_commands(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("import")(import_messages)


def import_messages(
    source: SourceArgument,
    *,
    origin: FromOption = Origin.FILE,
    customer: CustomerOption = None,
    to: ToOption = None,
    columns: MapOption = None,
    queues: QueueOption = None,
    key_prefix: PrefixOption = "",
    tasks: TaskOption = None,
    to_argument: ToArgumentOption = None,
    destinations: DestinationOption = None,
    key: KeyOption = None,
    again: AgainOption = False,
    only_print: PrintOption = False,
    yes: YesOption = False,
    no_wait: NoWaitOption = False,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept many messages as a job: from a file, or what waits in Celery's Redis or in QStash, which is only read.

    Ends with 1 if a line was refused.
    """
    match origin:
        case Origin.FILE:
            found = _from_file(Path(source), _pairs(columns, "--map"), customer)
        case Origin.CELERY:
            wanted = CeleryTasks(
                url=source,
                queues=tuple(queues or ("celery",)),
                key_prefix=key_prefix,
                tasks=frozenset(tasks or ()),
                customer=customer,
                to=to,
                to_argument=to_argument,
            )
            found = read_celery(wanted)
        case Origin.QSTASH:
            path = _existing(Path(source))
            found = read_qstash(
                QStashMessages(path=path, customer=customer, to=to, customers=_pairs(destinations, "--destination"))
            )
    if only_print:
        _print(found)
        return
    is_file = origin is Origin.FILE and not again
    key = key or (_key_of(Path(source), customer, columns) if is_file else f"import-{uuid.uuid4().hex}")
    _import(configured_api(url, config), found, key, source=source, yes=yes, wait=not no_wait, as_json=as_json)


def _import(api: ApiClient, found: Source, key: str, *, source: str, yes: bool, wait: bool, as_json: bool) -> None:
    job = _upload(api, found, key)
    _say_skipped(found)
    if job["state"] != JobState.HELD:
        say(f"this was imported before: {describe_job(job)}; --again imports it once more")
    else:
        job = start_if(api, job, yes or confirmed(f"import {job['matched']} messages of {source.rpartition('@')[2]}?"))
    if not wait:
        show_json(job) if as_json else say(describe_job(job))
        return
    _say_refused(api, watch_job(api, job, as_json=as_json))


def _upload(api: ApiClient, found: Source, key: str) -> Document:
    try:
        with closing(found.lines), _progress() as progress:
            task = progress.add_task("uploading")
            return asyncio.run(
                upload(api, found.lines, key, lambda count: progress.update(task, description=f"{count} uploaded"))
            )
    except KeyboardInterrupt:
        raise SendoffError("nothing was imported; the same command goes on where this one stopped") from None


def _say_skipped(found: Source) -> None:
    for why, count in found.skipped.most_common():
        say(f"{count} left out: {why}")


def _say_refused(api: ApiClient, job: Document) -> None:
    if not job["rejected"]:
        return
    refused = asyncio.run(api.call_safely("GET", f"/v1/jobs/{job['id']}/rejections"))
    for one in refused["data"]:
        complain(f"line {one['line']}: {one['detail']}")
    if len(refused["data"]) < refused["rejected"]:
        complain(f"and {refused['rejected'] - len(refused['data'])} lines more")
    raise typer.Exit(1)


def _print(found: Source) -> None:
    with closing(found.lines) as lines:
        for line in lines:
            sys.stdout.write(line.text.decode("utf-8", "backslashreplace") + "\n")
    _say_skipped(found)


def _from_file(path: Path, columns: dict[str, str], customer: str | None) -> Source:
    _existing(path)
    if path.suffix.lower() == ".csv":
        return Source(read_csv(path, columns, customer))
    if columns:
        raise typer.BadParameter("expected a file *.csv", param_hint="--map")
    return Source(read_ndjson(path, customer))


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {path}")
    return path


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    parted = [pair.rpartition("=") for pair in given or []]
    if not all(name and value for name, _, value in parted):
        raise typer.BadParameter("expected NAME=VALUE", param_hint=option)
    return {name: value for name, _, value in parted}


def _key_of(path: Path, *options: object) -> str:
    """The same file with the same options is the same import."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(repr(options).encode())
    return f"import-{digest.hexdigest()}"


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
