"""`sendoff dead-letters ...`: dead letters through the API."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

import typer

from sendoff_cli.api_client import ApiClient, configured_api
from sendoff_cli.bulk_order import (
    AllOption,
    BulkOrder,
    DryRunOption,
    NoWaitOption,
    RateOption,
    YesOption,
    carry_out,
    is_of_one,
)
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

_PATH = "/v1/dead-letters"


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    letters = typer.Typer(no_args_is_help=True, help="See dead letters, send them again or delete them.")
    letters.command("list")(list_dead_letters)
    letters.command("show")(show_dead_letter)
    letters.command("resend")(resend_dead_letters)
    letters.command("delete")(delete_dead_letter)
    letters.command("purge")(purge_dead_letters)
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
    found = asyncio.run(fetch_list(configured_api(url, config), _PATH, query, limit, cursor=cursor))
    show_json(found.document()) if as_json else show(dead_letters_table(found))


def show_dead_letter(
    message_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show a dead letter and all that was tried."""
    letter = _call(configured_api(url, config), "GET", message_id)
    show_json(letter) if as_json else show(dead_letter_card(letter))


def resend_dead_letters(
    message_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One message's id, or else filters.")] = None,
    *,
    customer: CustomerFilter = None,
    to: ToFilter = None,
    reference: ReferenceFilter = None,
    reason: ReasonFilter = None,
    created_after: CreatedAfterFilter = None,
    created_before: CreatedBeforeFilter = None,
    everything: AllOption = False,
    rate: RateOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    no_wait: NoWaitOption = False,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a dead letter again, or by filters many of them as a job; all filters must fit."""
    filters = query_of(
        customer=customer,
        to=to,
        reference=reference,
        reason=reason,
        created_after=created_after,
        created_before=created_before,
    )
    order = BulkOrder(path=f"{_PATH}/resend", verb="resend", filters=filters, everything=everything, rate=rate)
    api = configured_api(url, config)
    if not is_of_one(message_id, order, dry_run=dry_run, no_wait=no_wait):
        carry_out(api, order, dry_run=dry_run, yes=yes, wait=not no_wait, as_json=as_json)
    else:
        message = _call(api, "POST", message_id or "", "/resend")
        show_json(message) if as_json else say(f"{message['id']} is due again")


def purge_dead_letters(
    *,
    customer: CustomerFilter = None,
    to: ToFilter = None,
    reference: ReferenceFilter = None,
    reason: ReasonFilter = None,
    created_after: CreatedAfterFilter = None,
    created_before: CreatedBeforeFilter = None,
    everything: AllOption = False,
    rate: RateOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    no_wait: NoWaitOption = False,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete many dead letters for good, as a job; all filters must fit."""
    filters = query_of(
        customer=customer,
        to=to,
        reference=reference,
        reason=reason,
        created_after=created_after,
        created_before=created_before,
    )
    order = BulkOrder(path=f"{_PATH}/purge", verb="delete", filters=filters, everything=everything, rate=rate)
    carry_out(configured_api(url, config), order, dry_run=dry_run, yes=yes, wait=not no_wait, as_json=as_json)


def delete_dead_letter(
    message_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Delete a dead letter for good."""
    _call(configured_api(url, config), "DELETE", message_id)
    show_json({"id": message_id, "deleted": True}) if as_json else say(f"{message_id} is deleted")


def _call(api: ApiClient, method: str, message_id: str, verb: str = "") -> Any:
    path = f"{_PATH}/{quote(message_id, safe='')}{verb}"
    return asyncio.run(api.call(method, path))
