"""`sendoff messages ...`: messages through the API."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

import typer

from sendoff_cli.api_client import ApiClient, configured_api
from sendoff_cli.console import say, show, show_json
from sendoff_cli.message_options import (
    CreatedAfterFilter,
    CreatedBeforeFilter,
    CursorOption,
    CustomerFilter,
    IdArgument,
    LimitOption,
    ReferenceFilter,
    ToFilter,
    query_of,
)
from sendoff_cli.message_table import attempts_table, messages_table
from sendoff_cli.options import ConfigOption, JsonOption, MetadataOption, UrlOption, members
from sendoff_cli.paging import fetch_list
from sendoff_cli.plain_text import card
from sendoff_domain.message import Status

StatusFilter = Annotated[Status | None, typer.Option("--status", help="In this state now.")]
SentAfterFilter = Annotated[str | None, typer.Option("--sent-after", metavar="RFC3339", help="Sent then or later.")]
SentBeforeFilter = Annotated[str | None, typer.Option("--sent-before", metavar="RFC3339", help="Sent before.")]


def add_message_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    messages = typer.Typer(no_args_is_help=True, help="Find messages, move, cancel and resend them.")
    messages.command("list")(list_messages)
    messages.command("show")(show_message)
    messages.command("attempts")(list_attempts)
    messages.command("reschedule")(reschedule_message)
    messages.command("cancel")(cancel_message)
    messages.command("resend")(resend_message)
    app.add_typer(messages, name="messages")


def list_messages(
    *,
    status: StatusFilter = None,
    customer: CustomerFilter = None,
    to: ToFilter = None,
    reference: ReferenceFilter = None,
    metadata: MetadataOption = None,
    created_after: CreatedAfterFilter = None,
    created_before: CreatedBeforeFilter = None,
    sent_after: SentAfterFilter = None,
    sent_before: SentBeforeFilter = None,
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List messages, the newest first; all filters must fit."""
    query = query_of(
        status=status,
        customer=customer,
        to=to,
        reference=reference,
        created_after=created_after,
        created_before=created_before,
        sent_after=sent_after,
        sent_before=sent_before,
    )
    query |= {f"metadata.{key}": value for key, value in members(metadata).items()}
    found = asyncio.run(fetch_list(configured_api(url, config), "/v1/messages", query, limit, cursor=cursor))
    show_json(found.document()) if as_json else show(messages_table(found))


def show_message(
    message_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show a message, wherever it is."""
    message = _call(configured_api(url, config), "GET", message_id)
    show_json(message) if as_json else show(card(message))


def list_attempts(
    message_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List the attempts of a message, the latest first."""
    attempts = _call(configured_api(url, config), "GET", message_id, "/attempts")
    show_json(attempts) if as_json else show(attempts_table(attempts["data"]))


def reschedule_message(
    message_id: IdArgument,
    *,
    delay: Annotated[str | None, typer.Option("--in", metavar="DURATION", help="So long from now: 90s, 1h30m.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="RFC3339", help="Then: 2026-01-31T08:00:00Z.")] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move a message that waits to another time."""
    if (delay is None) == (at is None):
        raise typer.BadParameter("expected either --in or --at")
    body = {"delay": delay} if at is None else {"deliverAt": at}
    message = _call(configured_api(url, config), "PATCH", message_id, body=body)
    show_json(message) if as_json else show(f"{message['id']} {message['deliverAt']}")


def cancel_message(
    message_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Call a message off that has not been sent."""
    _call(configured_api(url, config), "DELETE", message_id)
    show_json({"id": message_id, "status": Status.CANCELLED}) if as_json else say(f"{message_id} is cancelled")


def resend_message(
    message_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Send a message again that was sent, is dead or was cancelled."""
    message = _call(configured_api(url, config), "POST", message_id, "/resend")
    show_json(message) if as_json else say(f"{message['id']} is due again")


def _call(api: ApiClient, method: str, message_id: str, verb: str = "", *, body: Any = None) -> Any:
    path = f"/v1/messages/{quote(message_id, safe='')}{verb}"
    return asyncio.run(api.call(method, path, body))
