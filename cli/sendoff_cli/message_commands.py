"""`sendoff messages ...`: messages through the API."""

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
from sendoff_cli.message_table import attempts_table, messages_table
from sendoff_cli.options import ConfigOption, JsonOption, MetadataOption, UrlOption, members
from sendoff_cli.paging import fetch_list
from sendoff_cli.plain_text import card
from sendoff_domain.message import Status

StatusFilter = Annotated[Status | None, typer.Option("--status", help="In this state now.")]
SentAfterFilter = Annotated[str | None, typer.Option("--sent-after", metavar="RFC3339", help="Sent then or later.")]
SentBeforeFilter = Annotated[str | None, typer.Option("--sent-before", metavar="RFC3339", help="Sent before.")]
OneArgument = Annotated[str | None, typer.Argument(metavar="[ID]", help="One message's id, or else filters.")]
WaitingFilter = Annotated[
    Status | None, typer.Option("--status", help="Of those that wait, only these: scheduled or retrying.")
]
InOption = Annotated[str | None, typer.Option("--in", metavar="DURATION", help="One: so long from now: 90s, 1h30m.")]
AtOption = Annotated[str | None, typer.Option("--at", metavar="RFC3339", help="Then: 2026-01-31T08:00:00Z.")]
ByOption = Annotated[str | None, typer.Option("--by", metavar="DURATION", help="Many: so much later than planned.")]

_PATH = "/v1/messages"


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    messages = typer.Typer(no_args_is_help=True, help="Find messages, move, cancel and resend them.")
    messages.command("list")(list_messages)
    messages.command("show")(show_message)
    messages.command("attempts")(list_attempts)
    messages.command("reschedule")(reschedule_messages)
    messages.command("cancel")(cancel_messages)
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
    found = asyncio.run(fetch_list(configured_api(url, config), _PATH, query, limit, cursor=cursor))
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


def reschedule_messages(
    message_id: OneArgument = None,
    *,
    delay: InOption = None,
    at: AtOption = None,
    shift: ByOption = None,
    status: WaitingFilter = None,
    customer: CustomerFilter = None,
    to: ToFilter = None,
    reference: ReferenceFilter = None,
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
    """Move a message that waits to another time, or by filters many of them as a job; all filters must fit."""
    filters = query_of(
        status=status,
        customer=customer,
        to=to,
        reference=reference,
        created_after=created_after,
        created_before=created_before,
    )
    change = query_of(deliver_at=at, shift=shift)
    order = BulkOrder(
        path=f"{_PATH}/reschedule", verb="move", filters=filters, everything=everything, rate=rate, change=change
    )
    api = configured_api(url, config)
    if not is_of_one(message_id, order, dry_run=dry_run, no_wait=no_wait):
        if delay is not None or len(change) != 1:
            raise typer.BadParameter("expected either --at or --by, to move many")
        carry_out(api, order, dry_run=dry_run, yes=yes, wait=not no_wait, as_json=as_json)
    elif shift is not None or (delay is None) == (at is None):
        raise typer.BadParameter("expected either --in or --at, to move one")
    else:
        body = {"delay": delay} if at is None else {"deliverAt": at}
        message = _call(api, "PATCH", message_id or "", body=body)
        show_json(message) if as_json else show(f"{message['id']} {message['deliverAt']}")


def cancel_messages(
    message_id: OneArgument = None,
    *,
    status: WaitingFilter = None,
    customer: CustomerFilter = None,
    to: ToFilter = None,
    reference: ReferenceFilter = None,
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
    """Call a message off that has not been sent, or by filters many of them as a job; all filters must fit."""
    filters = query_of(
        status=status,
        customer=customer,
        to=to,
        reference=reference,
        created_after=created_after,
        created_before=created_before,
    )
    order = BulkOrder(path=f"{_PATH}/cancel", verb="cancel", filters=filters, everything=everything, rate=rate)
    api = configured_api(url, config)
    if not is_of_one(message_id, order, dry_run=dry_run, no_wait=no_wait):
        carry_out(api, order, dry_run=dry_run, yes=yes, wait=not no_wait, as_json=as_json)
    else:
        _call(api, "DELETE", message_id or "")
        cancelled = {"id": message_id, "status": Status.CANCELLED}
        show_json(cancelled) if as_json else say(f"{message_id} is cancelled")


def resend_message(
    message_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Send a message again that was sent, is dead or was cancelled."""
    message = _call(configured_api(url, config), "POST", message_id, "/resend")
    show_json(message) if as_json else say(f"{message['id']} is due again")


def _call(api: ApiClient, method: str, message_id: str, verb: str = "", *, body: Any = None) -> Any:
    path = f"{_PATH}/{quote(message_id, safe='')}{verb}"
    return asyncio.run(api.call(method, path, body))
