"""`sendoff start | stop | status`: through the API, or from PostgreSQL when no API runs here."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

import msgspec
import typer

from sendoff_cli.api_client import ApiClient, NoApiError, api_client
from sendoff_cli.console import say, show, show_json
from sendoff_cli.fleet_table import describe_result, fleet_table
from sendoff_cli.options import (
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    JsonOption,
    UrlOption,
    chosen_config,
    requested_by,
)
from sendoff_cli.server_urls import with_embedded_addresses
from sendoff_cli.status_watch import Tell, watch_fleet
from sendoff_config.settings import Settings
from sendoff_domain.control import GLOBAL_SCOPE, Action, Command
from sendoff_domain.errors import UnavailableError
from sendoff_domain.texts import CustomerId
from sendoff_domain.times import format_duration, parse_duration

Document = dict[str, Any]

ScopeOption = Annotated[str, typer.Option("--scope", help="`global`, or the id of one customer.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why, for whoever looks later.")]
WaitOption = Annotated[
    str | None, typer.Option("--wait", metavar="DURATION", help="Wait until every instance has applied it, such as 2s.")
]

WatchOption = Annotated[bool, typer.Option("--watch", help="Look every second until Ctrl-C.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("start")(start)
    app.command("stop")(stop)
    app.command("status")(status)


def start(
    *,
    scope: ScopeOption = GLOBAL_SCOPE,
    reason: ReasonOption = None,
    wait: WaitOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Let the fleet, or one customer, send."""
    settings = with_embedded_addresses(chosen_config(config), data)
    _command(Action.START, settings, scope=scope, reason=reason, wait=wait, url=url, as_json=as_json)


def stop(
    *,
    scope: ScopeOption = GLOBAL_SCOPE,
    reason: ReasonOption = None,
    wait: WaitOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Stop the fleet, or one customer: nothing is claimed any more, and nothing is lost."""
    settings = with_embedded_addresses(chosen_config(config), data)
    _command(Action.STOP, settings, scope=scope, reason=reason, wait=wait, url=url, as_json=as_json)


def status(
    *,
    watch: WatchOption = False,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Show what the fleet should do and what it does."""
    settings = with_embedded_addresses(chosen_config(config), data)

    async def directly() -> Document:
        from sendoff_cli.direct_control import read_fleet

        return await read_fleet(settings)

    async def look(tell: Tell = say) -> Document:
        return await _ask(url, settings, lambda api: api.call("GET", "/v1/scheduler"), directly, tell=tell)

    if watch:
        watch_fleet(look, as_json=as_json)
        return
    document = asyncio.run(look())
    show_json(document) if as_json else show(fleet_table(document))


def _command(
    action: Action,
    settings: Settings,
    *,
    scope: str,
    reason: str | None,
    wait: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    patience = _duration(wait)
    # One id for every try: whatever became of the first one, the command counts once.
    who = requested_by()
    command = Command(action, str(uuid.uuid4()), _scope(scope), reason, who, actor=f"cli:{who}")

    async def directly() -> Document:
        from sendoff_cli.direct_control import command_directly

        return await command_directly(settings, command, patience)

    result = asyncio.run(_ask(url, settings, lambda api: _through_api(api, command, patience), directly))
    show_json(result) if as_json else show(describe_result(result))
    if result["converged"] is False or result["status"] == "expired":
        raise typer.Exit(1)


async def _ask(
    url: str | None,
    settings: Settings,
    through_api: Callable[[ApiClient], Awaitable[Document]],
    directly: Callable[[], Awaitable[Document]],
    *,
    tell: Tell = say,
) -> Document:
    api = api_client(url, settings.http)
    try:
        return await through_api(api)
    except (NoApiError, UnavailableError) as error:
        if url is not None or settings.postgres.url is None:
            raise
        tell(f"{str(error).partition(': ')[0]}; asking PostgreSQL itself")
        return await directly()


async def _through_api(api: ApiClient, command: Command, wait: timedelta | None) -> Document:
    body = {
        "commandId": command.command_id,
        "scope": command.scope,
        "reason": command.reason,
        "requestedBy": command.requested_by,
    }
    query = {} if wait is None else {"wait": format_duration(wait)}
    timeout = 10 + (0 if wait is None else wait.total_seconds())
    document: Document = await api.call("POST", f"/v1/scheduler/{command.action}", body, query=query, timeout=timeout)
    return document


def _duration(text: str | None) -> timedelta | None:
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--wait") from None


def _scope(text: str) -> str:
    try:
        return msgspec.convert(text, CustomerId)
    except msgspec.ValidationError:
        raise typer.BadParameter("expected global, or a customer's id", param_hint="--scope") from None
