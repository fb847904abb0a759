"""The webhook of `sendoff listen`: checks the signature, shows the message, and answers as it was told to."""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sendoff_domain.signature_check import find_signature_fault

_LARGEST_BODY = 1024 * 1024
#: Of so many messages it is remembered how often they came.
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """How the first `times` requests of each message are answered (None: all of them), and after how many seconds."""

    status: int | None = None
    hang: float = 0.0
    times: int | None = None

    def concerns(self, request: int) -> bool:
        """Whether it is so with the n-th request of a message."""
        return self.times is None or request <= self.times


@dataclass(frozen=True, slots=True)
class Received:
    """A request: its message if it is one, what is wrong with its signature (None: nobody looked), its answer."""

    message: dict[str, Any] | None
    attempt: str
    signature_fault: str | None
    status: int
    hang: float


class ListeningWebhook:
    """Takes what is posted to any path; `keys` of which one must have signed it, none if nobody is to look."""

    def __init__(self, keys: Sequence[bytes], misbehaviour: Misbehaviour, tell: Callable[[Received], None]) -> None:
        self._keys = keys
        self._misbehaviour = misbehaviour
        self._tell = tell
        self._counts: OrderedDict[str, int] = OrderedDict()

    def app(self) -> web.Application:
        """The application that it is."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_post("/{path:.*}", self._receive)
        return app

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        received = self._look_at(request, body)
        self._tell(received)
        await asyncio.sleep(received.hang)
        if received.status == 200 and received.message is not None:
            return web.json_response({"messageId": f"listen-{received.message.get('id')}"})
        return web.json_response({"status": received.status}, status=received.status)

    def _look_at(self, request: web.Request, body: bytes) -> Received:
        headers = {name.lower(): value for name, value in request.headers.items()}
        fault = find_signature_fault(headers, body, self._keys, time.time()) if self._keys else None
        message = _message(body)
        status, hang = (200, 0.0) if message is not None and not fault else (400, 0.0)
        if self._misbehaviour.concerns(self._count(headers.get("webhook-id", ""))):
            status, hang = self._misbehaviour.status or status, self._misbehaviour.hang
        return Received(message, headers.get("sendoff-attempt", "?"), fault, status, hang)

    def _count(self, message_id: str) -> int:
        count = self._counts.pop(message_id, 0) + 1
        self._counts[message_id] = count
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)
        return count


def _message(body: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(body)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
