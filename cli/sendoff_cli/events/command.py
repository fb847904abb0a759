"""`sendoff events`: its options, and an event as a line."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from sendoff_cli.console import show, show_json_line
from sendoff_cli.events.reader import EventReader
from sendoff_cli.jetstream import connected_jetstream
from sendoff_cli.options import DEFAULT_DATA, ConfigOption, DataOption, chosen_config
from sendoff_cli.plain_text import printable
from sendoff_cli.server_urls import with_embedded_addresses
from sendoff_config.settings import Settings
from sendoff_domain.event_types import EventKind
from sendoff_domain.texts import match_customer_id
from sendoff_domain.times import parse_duration

#: How far back a look goes that does not say.
_DEFAULT_SINCE = "1h"
_COLOURS = {"sent": "green", "retry": "yellow", "dead": "red", "breaker.opened": "red", "customer.paused": "yellow"}

FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens from now on.")]
KindOption = Annotated[list[EventKind] | None, typer.Option("--kind", help="Of this kind; may be repeated.")]
CustomerOption = Annotated[str | None, typer.Option("--customer", help="Of this customer.")]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="DURATION",
        help="What happened so long ago and later.",
        show_default=f"{_DEFAULT_SINCE}; with --follow from now on",
    ),
]
LinesOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program, an event a line.")]


def add_commands(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("events")(events)


def events(
    *,
    follow: FollowOption = False,
    kind: KindOption = None,
    customer: CustomerOption = None,
    since: SinceOption = None,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    as_json: LinesOption = False,
) -> None:
    """Show what happened to messages, customers and the fleet, from the streams on NATS."""
    if customer is not None and not match_customer_id(customer):
        raise typer.BadParameter("expected a customer's id: letters, digits, _ and -", param_hint="--customer")
    start = _start(since, follow=follow)
    settings = with_embedded_addresses(chosen_config(config), data)
    reading = _print_all(settings, kind or list(EventKind), customer, start, follow=follow, as_json=as_json)
    try:
        asyncio.run(reading)
    except KeyboardInterrupt:
        raise typer.Exit from None  # it is how one stops to follow


def line(event: dict[str, Any]) -> Text:
    """One event in one line."""
    kind, data = event["type"].removeprefix("sendoff."), event["data"]
    shown = Text.assemble((event["time"], "dim"), " ", (f"{kind:<9}", _COLOURS.get(kind, "")), f" {event['subject']}")
    for name, value in data.items():
        shown.append(f" {name}=", "dim")
        shown.append(printable(str(value)).replace("\n", " "))
    return shown


async def _print_all(
    settings: Settings,
    kinds: list[EventKind],
    customer: str | None,
    since: datetime | None,
    *,
    follow: bool,
    as_json: bool,
) -> None:
    async with connected_jetstream(settings, "sendoff events") as jetstream:
        reader = EventReader(jetstream, settings.control.prefix, kinds, customer)
        async with aclosing(reader.read(since, follow=follow)) as found:
            async for event in found:
                show_json_line(event) if as_json else show(line(event))


def _start(since: str | None, *, follow: bool) -> datetime | None:
    if since is None and follow:
        return None
    try:
        return datetime.now(UTC) - parse_duration(since or _DEFAULT_SINCE)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None
