"""`sendoff customers ...`: customers through the API."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

import typer

from sendoff_cli.api_client import ApiClient, configured_api
from sendoff_cli.console import say, show, show_json
from sendoff_cli.customer_options import (
    BacklogOption,
    ConcurrencyOption,
    ConnectOption,
    DescriptionOption,
    FieldsOption,
    HeaderOption,
    IdArgument,
    NameOption,
    PerOption,
    RateOption,
    SecretOption,
    TimeoutOption,
    VersionOption,
    WebhookOption,
    fields_of,
    secret_from,
)
from sendoff_cli.customer_table import customer_card, customers_table, describe_pause, secret_lines, trial_lines
from sendoff_cli.options import ConfigOption, JsonOption, UrlOption
from sendoff_cli.paging import fetch_list

Document = dict[str, Any]

#: Beyond the longest timeout of a customer (seconds).
_TEST_SECONDS = 310.0


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    customers = typer.Typer(no_args_is_help=True, help="See and change customers.")
    customers.command("list")(list_customers)
    customers.command("show")(show_customer)
    customers.command("create")(create_customer)
    customers.command("update")(update_customer)
    customers.command("delete")(delete_customer)
    customers.command("pause")(pause_customer)
    customers.command("resume")(resume_customer)
    customers.command("rotate-secret")(rotate_secret)
    customers.command("test")(try_webhook)
    app.add_typer(customers, name="customers")


def list_customers(
    *,
    paused: Annotated[bool | None, typer.Option("--paused/--running", help="Only these.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The most that are shown.")] = 50,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List customers by their ids."""
    query = {} if paused is None else {"paused": str(paused).lower()}
    found, cursor, _ = asyncio.run(fetch_list(_api(url, config), "/v1/customers", query, limit))
    more = cursor is not None
    show_json({"data": found, "more": more}) if as_json else show(customers_table(found, more=more))


def show_customer(
    customer_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show all that is known of a customer, but not its secret."""
    customer = _call(_api(url, config), "GET", _path(customer_id))
    show_json(customer) if as_json else show(customer_card(customer))


def create_customer(
    *,
    webhook_url: WebhookOption = None,
    customer_id: Annotated[str | None, typer.Option("--id", help="Its id; made up if not given.")] = None,
    name: NameOption = None,
    description: DescriptionOption = None,
    header: HeaderOption = None,
    timeout: TimeoutOption = None,
    connect_timeout: ConnectOption = None,
    rate: RateOption = None,
    per: PerOption = None,
    concurrency: ConcurrencyOption = None,
    backlog: BacklogOption = None,
    fields: FieldsOption = None,
    secret: SecretOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a customer, and print its secret this once."""
    body = fields_of(
        name=name,
        description=description,
        webhook_url=webhook_url,
        headers=header,
        timeout=timeout,
        connect_timeout=connect_timeout,
        rate=rate,
        per=per,
        concurrency=concurrency,
        backlog=backlog,
        fields=fields,
    )
    body |= secret_from(secret) | ({} if customer_id is None else {"id": customer_id})
    customer = _call(_api(url, config), "POST", "/v1/customers", body)
    show_json(customer) if as_json else show(secret_lines(customer["id"], customer["secret"]))


def update_customer(
    customer_id: IdArgument,
    *,
    webhook_url: WebhookOption = None,
    name: NameOption = None,
    description: DescriptionOption = None,
    header: HeaderOption = None,
    timeout: TimeoutOption = None,
    connect_timeout: ConnectOption = None,
    rate: RateOption = None,
    per: PerOption = None,
    concurrency: ConcurrencyOption = None,
    backlog: BacklogOption = None,
    fields: FieldsOption = None,
    version: VersionOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change what is named and nothing else; in --fields null brings back a default."""
    body = fields_of(
        name=name,
        description=description,
        webhook_url=webhook_url,
        headers=header,
        timeout=timeout,
        connect_timeout=connect_timeout,
        rate=rate,
        per=per,
        concurrency=concurrency,
        backlog=backlog,
        fields=fields,
    )
    customer = _call(_api(url, config), "PATCH", _path(customer_id), body, headers=_if_match(version))
    show_json(customer) if as_json else show(customer_card(customer))


def delete_customer(
    customer_id: IdArgument,
    *,
    version: VersionOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a customer of whose messages none waits any more."""
    _call(_api(url, config), "DELETE", _path(customer_id), headers=_if_match(version))
    show_json({"id": customer_id, "deleted": True}) if as_json else say(f"{customer_id} is deleted")


def pause_customer(
    customer_id: IdArgument,
    *,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for whoever looks later.")] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a customer's messages; nothing is lost, and no attempt is spent."""
    customer = _call(_api(url, config), "POST", _path(customer_id, "pause"), {"reason": reason})
    show_json(customer) if as_json else show(describe_pause(customer))


def resume_customer(
    customer_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Let a customer's messages go again."""
    customer = _call(_api(url, config), "POST", _path(customer_id, "resume"), {})
    show_json(customer) if as_json else show(describe_pause(customer))


def rotate_secret(
    customer_id: IdArgument,
    *,
    grace: Annotated[
        str | None,
        typer.Option("--grace", metavar="DURATION", help="The old one stays valid so long; 24h if not given."),
    ] = None,
    secret: SecretOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a customer a new secret, and print it this once."""
    body = secret_from(secret) | ({} if grace is None else {"grace": grace})
    rotated = _call(_api(url, config), "POST", _path(customer_id, "rotate-secret"), body)
    if as_json:
        show_json(rotated)
    else:
        show(secret_lines(customer_id, rotated["secret"], rotated["previousExpiresAt"]))


def try_webhook(
    customer_id: IdArgument, *, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Send a signed test message to a customer's webhook at once; fails unless it would count as delivered."""
    trial = _call(_api(url, config), "POST", _path(customer_id, "test"), timeout=_TEST_SECONDS)
    show_json(trial) if as_json else show(trial_lines(trial))
    if not trial["verdict"]["delivered"]:
        raise typer.Exit(1)


def _call(
    api: ApiClient,
    method: str,
    path: str,
    body: Document | None = None,
    *,
    headers: dict[str, str] | None = None,
    timeout: float = 10.0,
) -> Any:
    return asyncio.run(api.call(method, path, body, headers=headers, timeout=timeout))


def _api(url: str | None, config: ConfigOption) -> ApiClient:
    return configured_api(url, config)


def _path(customer_id: str, verb: str = "") -> str:
    return f"/v1/customers/{quote(customer_id, safe='')}" + (f"/{verb}" if verb else "")


def _if_match(version: int | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"{version}"'}
