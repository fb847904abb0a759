"""Responses in JSON."""

import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any

import msgspec
from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from sendoff_domain.exact_numbers import write_number

#: A document as JSON text.
encode_json = msgspec.json.Encoder(enc_hook=write_number).encode
_JSON = "application/json"
#: What the server calls itself: no version, which would tell which faults to try.
SERVER = "Sendoff"


async def name_server(_: web.Request, response: web.StreamResponse) -> None:
    """Call the server by its name in a response that aiohttp writes."""
    response.headers["Server"] = SERVER


def json_response(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A response with a document of texts, numbers, lists and dictionaries."""
    return raw_json_response(encode_json(document), status, headers)


def raw_json_response(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A response with a document that is JSON text already."""
    return web.Response(body=body, status=status, headers=headers, content_type=_JSON)


class QuickResponse(web.StreamResponse):
    """A JSON response for where every microsecond counts: head and body leave as they are put together here.

    aiohttp takes a fifth of the time of an accepted message for its response, most of it for cases that cannot be here.
    A client that closes the connection, or speaks HTTP/1.0, still gets its response from aiohttp.
    """

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        """`headers` are ours, not a client's: nothing here looks for line breaks in them."""
        super().__init__(status=status, headers=headers)
        self._whole_body = body
        self._sent = False

    @property
    def body(self) -> bytes:
        """The JSON text."""
        return self._whole_body

    @property
    def keep_alive(self) -> bool | None:
        """Whether the server waits for another request on this connection."""
        return self._sent or super().keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send everything."""
        if request.version != HttpVersion11 or not request.keep_alive or self._keep_alive is False:
            return await self._prepare_slowly(request)
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has closed the connection")
        head = "".join([f"{name}: {value}\r\n" for name, value in self.headers.items()])
        length = len(self._whole_body)
        common = _common_headers(int(time.time()))
        start = f"HTTP/1.1 {self.status} {self.reason}\r\n{head}{common}Content-Length: {length}\r\n\r\n"
        transport.write(start.encode("latin-1") + self._whole_body)
        self._sent = True
        if request.protocol.writing_paused:  # the client does not read: its next request waits until it does
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was sent, or aiohttp has the last word."""
        if not self._sent:
            await super().write_eof(data)

    async def _prepare_slowly(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self.content_type, self.content_length = _JSON, len(self._whole_body)
        writer = await super().prepare(request)
        await self.write(self._whole_body)
        return writer


@lru_cache(maxsize=1)
def _common_headers(second: int) -> str:
    """The headers that every response has; they change once a second."""
    return f"Content-Type: {_JSON}\r\nDate: {formatdate(second, usegmt=True)}\r\nServer: {SERVER}\r\n"
