"""`sendoff keys ...`: API keys through the API that --url names, or else in the database itself.

The first key of an API that needs one can only be made in the database.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from psycopg import errors
from pydantic import ValidationError

from sendoff_cli.api_client import ApiClient, api_client
from sendoff_cli.console import say, show, show_json
from sendoff_cli.database import connected
from sendoff_cli.key_table import created_key_lines, keys_table
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
from sendoff_config.settings import Settings
from sendoff_db.pool import Connection
from sendoff_domain.access import Role, Scope
from sendoff_domain.errors import SendoffError
from sendoff_domain.ids import is_key_id
from sendoff_domain.times import format_moment, parse_duration
from sendoff_domain.validation_errors import field_errors, summarize
from sendoff_http.keys.model import NewKey, describe_key
from sendoff_http.keys.rows import Actor, add_key, find_key, list_keys, revoke_key

Document = dict[str, Any]

_LARGEST_PAGE = 250


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")
    keys.command("create")(create)
    keys.command("list")(list_all)
    keys.command("revoke")(revoke)
    app.add_typer(keys, name="keys")


def create(
    name: Annotated[str, typer.Argument(help="What it is for, such as shop or jane.")],
    *,
    role: Annotated[Role | None, typer.Option("--role", help="A role, or else scopes.")] = None,
    scope: Annotated[list[Scope] | None, typer.Option("--scope", help="What it may do; may be repeated.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="It sees and changes this one only.")] = None,
    rate: Annotated[int | None, typer.Option("--rate", help="Requests per second of each API process.")] = None,
    expires_in: Annotated[
        str | None, typer.Option("--expires-in", metavar="DURATION", help="It works so long: 90d, 12h.")
    ] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Make a key, and print its secret this once."""
    given = {"role": role, "scopes": scope, "customer": customer, "rate": rate, "expiresAt": _expiry(expires_in)}
    body = {"name": name} | {field: value for field, value in given.items() if value}
    settings = with_embedded_addresses(chosen_config(config), data)
    key = _ask(url, settings, lambda api: api.call("POST", "/v1/keys", body), lambda db: _create(db, body))
    show_json(key) if as_json else show(created_key_lines(key))
    if url is None and not settings.http.needs_key:
        say("the API of this configuration needs no key: set http.open to never")


def list_all(
    *,
    customer: Annotated[str | None, typer.Option("--customer", help="Of this customer.")] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """List the keys of the database, the newest first; their secrets are nowhere."""
    settings = with_embedded_addresses(chosen_config(config), data)
    keys = _ask(url, settings, lambda api: _pages(api, customer), lambda db: _rows(db, customer))
    show_json({"data": keys}) if as_json else show(keys_table(keys))


def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the key: key_...")],
    *,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Let a key be used no more; every API process knows it within two seconds."""
    if not is_key_id(key_id):
        raise typer.BadParameter("expected the id of a key: key_ and 32 hexadecimal digits", param_hint="ID")
    settings = with_embedded_addresses(chosen_config(config), data)
    _ask(url, settings, lambda api: api.call("DELETE", f"/v1/keys/{key_id}"), lambda db: _revoke(db, key_id))
    show_json({"id": key_id, "revoked": True}) if as_json else say(f"{key_id} is revoked")


def _ask(
    url: str | None,
    settings: Settings,
    through_api: Callable[[ApiClient], Awaitable[Any]],
    directly: Callable[[Connection], Awaitable[Any]],
) -> Any:
    async def ask() -> Any:
        if url is None and settings.postgres.url is None:
            say("no database is known (by postgres.url, or by --data where `sendoff up` runs): asking the API")
        if url is not None or settings.postgres.url is None:
            return await through_api(api_client(url, settings.http))
        async with connected(settings.postgres) as connection:
            try:
                return await directly(connection)
            except errors.UndefinedTable:
                raise SendoffError("the database is not migrated: run `sendoff migrate`") from None

    return asyncio.run(ask())


async def _create(connection: Connection, body: Document) -> Document:
    try:
        new = NewKey.model_validate(body)
    except ValidationError as error:
        raise SendoffError(summarize(field_errors(NewKey, error))) from None
    made = await add_key(connection, new, new.expires_at, _actor())
    row = None if made is None else await find_key(connection, made[0])
    if made is None or row is None:
        raise SendoffError(f"there is no customer {new.customer!r}")
    return {**describe_key(row), "secret": made[1]}


async def _rows(connection: Connection, customer: str | None) -> list[Document]:
    found: list[Document] = []
    before: str | None = None
    while rows := await list_keys(connection, customer=customer, before=before, limit=_LARGEST_PAGE):
        found += [describe_key(row) for row in rows]
        before = rows[-1].id
    return found


async def _pages(api: ApiClient, customer: str | None) -> list[Document]:
    found: list[Document] = []
    query = {"limit": str(_LARGEST_PAGE)} | ({} if customer is None else {"customer": customer})
    while True:
        page = await api.call("GET", "/v1/keys", query=query)
        found += page["data"]
        if page["nextCursor"] is None:
            return found
        query["cursor"] = page["nextCursor"]


async def _revoke(connection: Connection, key_id: str) -> None:
    key = await find_key(connection, key_id)
    if key is None:
        raise SendoffError(f"there is no API key {key_id}")
    await revoke_key(connection, key, _actor())


def _actor() -> Actor:
    return Actor(f"cli:{requested_by()}")


def _expiry(duration: str | None) -> str | None:
    try:
        return None if duration is None else format_moment(datetime.now(UTC) + parse_duration(duration))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--expires-in") from None
