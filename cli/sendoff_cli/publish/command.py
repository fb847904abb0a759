"""`sendoff publish`: its options, its progress and its summary."""

import asyncio
import os
import stat
import sys
import uuid
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sendoff_cli.console import complain, say, show, show_json
from sendoff_cli.jetstream import connected_jetstream
from sendoff_cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption, chosen_config
from sendoff_cli.publish.line_reader import LineReader
from sendoff_cli.publish.stream_producer import StreamProducer, Tally
from sendoff_cli.server_urls import with_embedded_addresses
from sendoff_config.settings import Settings
from sendoff_domain.texts import DEFAULT_CUSTOMER
from sendoff_domain.times import parse_duration

CustomerOption = Annotated[str, typer.Option("--customer", help="Whose messages they are, where a line does not say.")]
KeysOption = Annotated[
    str | None,
    typer.Option(
        "--keys",
        metavar="TEXT",
        help="Begins the key of each line. The same input under the same keys is stored once; made up if not given.",
    ),
]
PatienceOption = Annotated[
    str, typer.Option("--patience", metavar="DURATION", help="How long a stream that is away or full is tried.")
]


def add_commands(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("publish")(publish)


def publish(
    *,
    customer: CustomerOption = DEFAULT_CUSTOMER,
    keys: KeysOption = None,
    patience: PatienceOption = "1m",
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish messages from standard input, one JSON object a line, into the stream of the ingest.

    Ends with 1 if a line was not published.
    """
    try:
        seconds = parse_duration(patience).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--patience") from None
    if keys is not None and not (keys.isascii() and keys.isalnum() and len(keys) <= 64):
        raise typer.BadParameter("expected 1 to 64 letters and digits", param_hint="--keys")
    settings = with_embedded_addresses(chosen_config(config), data)
    begins = keys or uuid.uuid4().hex
    if keys is None:
        say(f"should this be interrupted, publish the same input with --keys {begins}: nothing is doubled")
    tally = asyncio.run(_publish(settings, customer, begins, seconds))
    for mistake in tally.mistakes:
        complain(mistake)
    if as_json:
        show_json({**asdict(tally), "keys": begins})
    else:
        show(f"{tally.published} published, {tally.repeated} there already, {tally.refused} refused")
    if tally.refused:
        raise typer.Exit(1)


async def _publish(settings: Settings, customer: str, keys: str, patience: float) -> Tally:
    lines = LineReader(sys.stdin.fileno())
    async with connected_jetstream(settings, "sendoff publish") as jetstream:
        with _progress() as progress:
            task = progress.add_task("publishing", total=_size_of_input())
            producer = StreamProducer(
                jetstream=jetstream,
                prefix=settings.control.prefix,
                customer=customer,
                keys=keys,
                patience=patience,
                tell=lambda: progress.update(
                    task, completed=lines.bytes_read, description=f"{producer.tally.published} published"
                ),
            )
            await producer.publish_all(lines)
            return producer.tally


def _progress() -> Progress:
    """A bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _size_of_input() -> int | None:
    """The size of a file, None for a pipe or a terminal, whose end nobody knows."""
    found = os.fstat(sys.stdin.fileno())
    return found.st_size if stat.S_ISREG(found.st_mode) else None
