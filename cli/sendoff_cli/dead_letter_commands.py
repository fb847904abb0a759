"""`sendoff dead-letters ...`: dead letters through the API."""

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
from sendoff_cli.message_table import dead_letter_card, dead_letters_table
from sendoff_cli.options import ConfigOption, JsonOption, UrlOption
from sendoff_cli.paging import fetch_list
from sendoff_domain.message import DeathReason

ReasonFilter = Annotated[DeathReason | None, typer.Option("--reason", help="Dead for this reason.")]


def add_dead_letter_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    letters = typer.Typer(no_args_is_help=True, help="See dead letters, send them again or delete them.")
    letters.command("list")(list_dead_letters)
    letters.command("show")(show_dead_letter)
    letters.command("resend")(resend_dead_letter)
    letters.command("delete")(delete_dead_letter)
    app.add_typer(letters, name="dead-letters")


def list_dead_letters(
    *,
    customer: CustomerFilter = None,
    to: ToFilter = None,
    reference: ReferenceFilter = None,
    reason: ReasonFilter = None,
    created_after: CreatedAfterFilter = None,
    created_before: CreatedBeforeFilter = None,
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, the newest message first; all filters must fit."""
    query = query_of(
        customer=customer,
        to=to,
        reference=reference,
        reason=reason,
        created_after=created_after,
        created_before=created_before,
    )
    found = asyncio.run(fetch_list(configured_api(url, config), "/v1/dead-letters", query, limit, cursor=cursor))
    show_json(found.document()) if as_json else show(dead_letters_table(found))


def show_dead_letter(
    message_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show a dead letter and all that was tried."""
    letter = _call(configured_api(url, config), "GET", message_id)
    show_json(letter) if as_json else show(dead_letter_card(letter))


def resend_dead_letter(
    message_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Send a dead letter again, with fresh attempts."""
    message = _call(configured_api(url, config), "POST", message_id, "/resend")
    show_json(message) if as_json else say(f"{message['id']} is due again")


def delete_dead_letter(
    message_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Delete a dead letter for good."""
    _call(configured_api(url, config), "DELETE", message_id)
    show_json({"id": message_id, "deleted": True}) if as_json else say(f"{message_id} is deleted")


def _call(api: ApiClient, method: str, message_id: str, verb: str = "") -> Any:
    path = f"/v1/dead-letters/{quote(message_id, safe='')}{verb}"
    return asyncio.run(api.call(method, path))
