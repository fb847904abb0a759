"""A webhook for trying things out: prints each message it gets, and shows the last ones at `/`.

`python -m sendoff_cli.sample_webhook <fd>` serves on a socket that its parent has opened.
"""

import signal
import socket
import sys
from collections import deque
from datetime import datetime
from typing import Any

from aiohttp import web
from rich.console import Console
from rich.text import Text

from sendoff_cli.plain_text import printable
from sendoff_config.ending_signals import ending_signals
from sendoff_config.lossy_output import make_output_lossy

#: How many messages `/` shows, and how much of a content a line shows.
KEPT = 100
_SHOWN = 120
_LARGEST_BODY = 1024 * 1024


class Inbox:
    """The last messages, the newest first."""

    def __init__(self) -> None:
        self.messages: deque[dict[str, Any]] = deque(maxlen=KEPT)


_INBOX = web.AppKey("inbox", Inbox)


def create_app() -> web.Application:
    """`POST /` takes a message and answers with a `messageId`; `GET /` lists the last ones, the newest first."""
    app = web.Application(client_max_size=_LARGEST_BODY)
    app[_INBOX] = Inbox()
    app.router.add_post("/{path:.*}", _receive)
    app.router.add_get("/", _show)
    return app


def line(message: dict[str, Any], attempt: str) -> Text:
    """One message in one line."""
    content = message.get("content")
    shown = printable(" ".join((content if isinstance(content, str) else str(content)).split()))
    cut = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
    text = Text.assemble(("webhook ", "dim"), f"{datetime.now().astimezone():%H:%M:%S} ")
    text.append(printable(str(message.get("to"))), "bold")
    text.append(f" {cut} ")
    text.append(f"{message.get('id')} attempt {attempt}", "dim")
    return text


async def _receive(request: web.Request) -> web.Response:
    try:
        message = await request.json()
    except ValueError:
        message = None
    if not isinstance(message, dict):
        return web.json_response({"error": "expected a JSON object"}, status=400)
    attempt = request.headers.get("sendoff-attempt", "?")
    request.app[_INBOX].messages.appendleft({**message, "receivedAt": datetime.now().astimezone().isoformat()})
    Console(highlight=False, soft_wrap=True).print(line(message, attempt))
    return web.json_response({"messageId": f"sample-{message.get('id')}"})


async def _show(request: web.Request) -> web.Response:
    return web.json_response({"messages": list(request.app[_INBOX].messages)})


def main() -> None:
    """Serve until an ending signal."""
    make_output_lossy("stdout", "stderr")
    for number in set(ending_signals()) - {signal.SIGTERM, signal.SIGINT}:  # these two are aiohttp's
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGTERM))
    listener = socket.socket(fileno=int(sys.argv[1]))
    web.run_app(create_app(), sock=listener, print=None, access_log=None, shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
