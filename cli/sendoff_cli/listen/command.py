"""`sendoff listen`: its options, and a request as a line."""

import socket
from dataclasses import asdict
from typing import Annotated

import typer
from aiohttp import web

from sendoff_cli.console import say, show, show_json_line
from sendoff_cli.customer_options import SecretOption, secret_from
from sendoff_cli.listen.webhook import ListeningWebhook, Misbehaviour, Received
from sendoff_cli.options import JsonOption
from sendoff_cli.sample_webhook import line
from sendoff_domain.errors import SendoffError
from sendoff_domain.signing_secret import parse_secret
from sendoff_domain.times import parse_duration

_HOST = "127.0.0.1"

PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0 takes any free one.")]
FailOption = Annotated[
    int | None, typer.Option("--fail", metavar="STATUS", min=200, max=599, help="Answer with this status: 500, 410.")
]
HangOption = Annotated[str | None, typer.Option("--hang", metavar="DURATION", help="Answer only after so long: 30s.")]
TimesOption = Annotated[
    int | None, typer.Option("--times", min=1, help="Only so often for each message, then answer as it should be.")
]


def add_commands(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("listen")(listen)


def listen(
    *,
    port: PortOption = 9000,
    fail: FailOption = None,
    hang: HangOption = None,
    times: TimesOption = None,
    secret: SecretOption = None,
    as_json: JsonOption = False,
) -> None:
    """Be a webhook on this machine: show each message, check its signature, and fail as it was told to."""
    if times is not None and fail is None and hang is None:
        raise typer.BadParameter("expected --fail or --hang beside it", param_hint="--times")
    keys = _keys(secret)
    misbehaviour = Misbehaviour(fail, _seconds(hang), times if fail or hang else 0)
    webhook = ListeningWebhook(keys, misbehaviour, _show_json if as_json else _show)
    with _listener(port) as listener:
        _introduce(f"{_HOST}:{listener.getsockname()[1]}", checks=bool(keys))
        web.run_app(webhook.app(), sock=listener, print=None, access_log=None, shutdown_timeout=1.0)


def _introduce(server: str, *, checks: bool) -> None:
    say(f"listening on http://{server}/ until Ctrl-C")
    say(f"the default customer may call it with webhook.url: http://{server}/ and webhook.trusted: ['{server}']")
    if not checks:
        say("signatures are not checked: name the customer's secret with --secret-from")


def _show(received: Received) -> None:
    shown = line(received.message or {"to": "?", "content": "no JSON object"}, received.attempt)
    fault = received.signature_fault
    if fault is not None:
        shown.append(f" {fault}" if fault else " signed", "red" if fault else "green")
    after = f" after {received.hang:g} s" if received.hang else ""
    shown.append(f" -> {received.status}{after}", "green" if received.status < 300 else "yellow")
    show(shown)


def _show_json(received: Received) -> None:
    show_json_line(asdict(received))


def _keys(source: str | None) -> list[bytes]:
    try:
        return [parse_secret(text) for text in secret_from(source).values()]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--secret-from") from None


def _seconds(duration: str | None) -> float:
    try:
        return 0.0 if duration is None else parse_duration(duration).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--hang") from None


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        raise SendoffError(
            f"cannot listen on port {port} of {_HOST}: {error.strerror}; choose another one with --port"
        ) from None
