"""`sendoff send`: hands one message to the API."""

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from sendoff_cli.api_client import api_client
from sendoff_cli.console import show, show_json
from sendoff_cli.options import ConfigOption, JsonOption, MetadataOption, UrlOption, chosen_config, members
from sendoff_config.loading import load_settings
from sendoff_domain.errors import SendoffError

ToOption = Annotated[str, typer.Option("--to", help="Whom the message is for.")]
ContentOption = Annotated[str, typer.Option("--content", metavar="TEXT|@FILE|-", help="What to send; - reads stdin.")]
AsJsonContentOption = Annotated[bool, typer.Option("--json-content", help="The content is JSON, not text.")]
InOption = Annotated[str | None, typer.Option("--in", metavar="DURATION", help="Deliver it so much later: 90s, 1h30m.")]
AtOption = Annotated[str | None, typer.Option("--at", metavar="RFC3339", help="Deliver it then: 2026-01-31T08:00:00Z.")]
CustomerOption = Annotated[
    str | None, typer.Option("--customer", help="Whose webhook gets it; `default` if not given.")
]
ReferenceOption = Annotated[
    str | None, typer.Option("--reference", help="Your own id of it, to find it by; it is not sent along.")
]
KeyOption = Annotated[
    str | None, typer.Option("--idempotency-key", help="The same key with the same message is the same message.")
]


def add_commands(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("send")(send)


def send(
    to: ToOption,
    content: ContentOption,
    *,
    json_content: AsJsonContentOption = False,
    delay: InOption = None,
    at: AtOption = None,
    customer: CustomerOption = None,
    metadata: MetadataOption = None,
    reference: ReferenceOption = None,
    idempotency_key: KeyOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hand one message to the API, and print its id and when it is due."""
    if delay is not None and at is not None:
        raise typer.BadParameter("expected either --in or --at, not both")
    given = {"delay": delay, "deliverAt": at, "customer": customer, "metadata": members(metadata)}
    given |= {"reference": reference}
    body = {"to": to, "content": _content(content, json_content)} | {name: one for name, one in given.items() if one}
    api = api_client(url, load_settings(chosen_config(config)).http)
    # With a key the request may be repeated when its answer was lost.
    headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
    message = asyncio.run(api.call_safely("POST", "/v1/messages", body, headers=headers))
    if as_json:
        show_json(message)
    else:
        show(f"{message['id']} {message['deliverAt']}")


def _content(given: str, is_json: bool) -> Any:
    text = _text(given)
    if not is_json:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected JSON: {error}", param_hint="--content") from None


def _text(given: str) -> str:
    try:
        if given == "-":
            return sys.stdin.buffer.read().decode()
        if given.startswith("@"):
            return Path(given[1:]).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SendoffError("the content is not UTF-8 text") from None
    except OSError as error:
        raise typer.BadParameter(f"{given[1:]} cannot be read: {error.strerror}", param_hint="--content") from None
    return given
