"""The options of `sendoff customers create | update`, and the document that they make."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sendoff_domain.errors import SendoffError

Document = dict[str, Any]

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The customer's id.")]
NameOption = Annotated[str | None, typer.Option("--name", help="A name for people.")]
DescriptionOption = Annotated[str | None, typer.Option("--description", help="What to know of it; for people.")]
WebhookOption = Annotated[str | None, typer.Option("--webhook-url", metavar="URL", help="Where its messages go to.")]
HeaderOption = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="NAME=VALUE", help="A header of its own; may be repeated; NAME= takes it away."),
]
TimeoutOption = Annotated[
    str | None, typer.Option("--timeout", metavar="DURATION", help="For a whole request, such as 15s.")
]
ConnectOption = Annotated[
    str | None, typer.Option("--connect-timeout", metavar="DURATION", help="For the connection alone.")
]
RateOption = Annotated[int | None, typer.Option("--rate", help="At most so many requests per --per.")]
PerOption = Annotated[str | None, typer.Option("--per", metavar="DURATION", help="The period of the rate.")]
ConcurrencyOption = Annotated[int | None, typer.Option("--concurrency", help="At most so many requests at once.")]
BacklogOption = Annotated[
    int | None, typer.Option("--backlog", help="At most so many messages wait; more are refused.")
]
FieldsOption = Annotated[
    str | None,
    typer.Option(
        "--fields",
        metavar="JSON|@FILE|-",
        help="All of it as the API takes it, such as retry, responseRule and breaker; - reads stdin.",
    ),
]
SecretOption = Annotated[
    str | None,
    typer.Option("--secret-from", metavar="FILE|-", help="A file with the whsec_ secret to use; - reads stdin."),
]
VersionOption = Annotated[
    int | None, typer.Option("--if-version", help="Only if it still has this version; see `customers show`.")
]


def fields_of(
    *,
    name: str | None,
    description: str | None,
    webhook_url: str | None,
    headers: list[str] | None,
    timeout: str | None,
    connect_timeout: str | None,
    rate: int | None,
    per: str | None,
    concurrency: int | None,
    backlog: int | None,
    fields: str | None,
) -> Document:
    """The body of a request: the fields as JSON, and over them the options that were given."""
    body = _parsed(fields)
    given = {
        "name": name,
        "description": description,
        "webhookUrl": webhook_url,
        "timeout": timeout,
        "connectTimeout": connect_timeout,
    }
    body |= {key: value for key, value in given.items() if value is not None}
    _extend(body, "headers", _headers(headers or []))
    limits = {"rate": rate, "per": per, "concurrency": concurrency, "backlog": backlog}
    _extend(body, "limits", {key: value for key, value in limits.items() if value is not None})
    return body


def secret_from(source: str | None) -> Document:
    """The secret in a file, as a part of the body; all users of a machine see its command lines, so it is no option."""
    return {} if source is None else {"secret": _text(source, "--secret-from").strip()}


def _extend(body: Document, key: str, more: Document) -> None:
    if more:
        section = body.get(key)
        body[key] = {**(section if isinstance(section, dict) else {}), **more}


def _headers(pairs: list[str]) -> Document:
    parsed = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if len(parsed) != len(pairs):
        raise typer.BadParameter("expected NAME=VALUE, each name once", param_hint="--header")
    return {name: value or None for name, value in parsed.items()}


def _parsed(given: str | None) -> Document:
    if given is None:
        return {}
    is_elsewhere = given == "-" or given.startswith("@")
    text = _text(given.removeprefix("@"), "--fields") if is_elsewhere else given
    try:
        document = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected JSON: {error}", param_hint="--fields") from None
    if not isinstance(document, dict):
        raise typer.BadParameter("expected a JSON object", param_hint="--fields")
    return document


def _text(source: str, option: str) -> str:
    try:
        return sys.stdin.buffer.read().decode() if source == "-" else Path(source).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SendoffError(f"{option} is not UTF-8 text") from None
    except OSError as error:
        raise typer.BadParameter(f"{source} cannot be read: {error.strerror}", param_hint=option) from None
