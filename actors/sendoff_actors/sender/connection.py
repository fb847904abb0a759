"""One HTTP/1.1 connection to a webhook: a request out, an answer in, one at a time."""

import asyncio
import time
from collections.abc import Callable

import httptools

from sendoff_actors.sender.transport import ANSWER_LIMIT, Answer, TransportError
from sendoff_domain.outcome import ErrorClass

#: An answer whose status line and headers are longer than this is not read (bytes).
_HEAD_LIMIT = 64 * 1024


class StaleConnectionError(Exception):
    """A kept-alive connection was closed by the server before it read the request."""


class Connection(asyncio.Protocol):
    """A connection that is either idle or waiting for one answer.

    httptools (llhttp) calls the `on_...` methods while it parses. An answer without a length ends with the connection
    (RFC 9112, section 6.3); 1xx answers are skipped; what goes beyond ANSWER_LIMIT is cut and the connection closed.
    """

    def __init__(self, on_idle: Callable[["Connection"], None], on_closed: Callable[["Connection"], None]) -> None:
        self._on_idle = on_idle
        self._on_closed = on_closed
        self._transport: asyncio.Transport
        self._waiter: asyncio.Future[Answer] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self.closed = False
        self.idle_since = 0.0
        self._requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is up."""
        self._transport = transport  # type: ignore[assignment]  # TCP or TLS: it is one to write to

    def request(self, data: bytes) -> "asyncio.Future[Answer]":
        """Write one whole request; the future gets the answer, a TransportError or a StaleConnectionError."""
        self._waiter = asyncio.get_running_loop().create_future()
        self._requests += 1
        self._head_bytes = 0
        self._head_complete = False
        self._has_length = False
        self._retry_after: str | None = None
        self._body = b""
        self._transport.write(data)
        return self._waiter

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.closed = True
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        if self._waiter is None:  # nobody asked: what is left on this connection can't be trusted
            self.abort()
            return
        self._head_bytes += 0 if self._head_complete else len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(TransportError(ErrorClass.PROTOCOL, f"not an HTTP answer: {error}"))
            return
        if self._head_bytes > _HEAD_LIMIT and not self._head_complete:
            self._fail(TransportError(ErrorClass.PROTOCOL, f"more than {_HEAD_LIMIT} bytes of headers"))

    def eof_received(self) -> None:
        """asyncio: the server will write no more; connection_lost follows."""

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self.closed = True
        self._on_closed(self)
        if self._waiter is None:
            return
        if self._head_complete and not self._has_length and error is None:
            self._answer()
        elif self._head_bytes == 0 and self._requests > 1:
            self._fail(StaleConnectionError())
        else:
            self._fail(
                TransportError(ErrorClass.CONNECTION_RESET, str(error or "closed before the answer was complete"))
            )

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header."""
        name = name.lower()
        if name == b"retry-after":
            self._retry_after = value.decode("latin-1")
        elif name in (b"content-length", b"transfer-encoding"):
            self._has_length = True

    def on_headers_complete(self) -> None:
        """httptools: the head is read."""
        if self._parser.get_status_code() >= 200:
            self._head_complete = True

    def on_body(self, data: bytes) -> None:
        """httptools: a part of the body."""
        if self._waiter is None:
            return
        self._body += data
        if len(self._body) >= ANSWER_LIMIT:
            self._body = self._body[:ANSWER_LIMIT]
            self._answer(reusable=False)

    def on_message_complete(self) -> None:
        """httptools: the whole answer is read; after an interim one the real answer follows."""
        if self._head_complete and self._waiter is not None:
            self._answer(reusable=self._parser.should_keep_alive())

    def _answer(self, *, reusable: bool = False) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(Answer(self._parser.get_status_code(), self._body, self._retry_after))
        if reusable and not self.closed:
            self.idle_since = time.monotonic()
            self._on_idle(self)
        elif not self.closed:
            self.abort()

    def _fail(self, error: Exception) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
        if not self.closed:
            self.abort()
