"""One HTTP/1.1 connection to a webhook: a request out, an answer in, one at a time."""

import asyncio
import fcntl
import math
import ssl
import sys
import termios
import time
from collections.abc import Callable

import httptools

from sendoff_domain.outcome import ErrorClass
from sendoff_domain.webhook_response import Response, with_one_length


class TransportError(Exception):
    """The request got no answer; `error_class` says where it failed."""

    def __init__(self, error_class: ErrorClass, detail: str) -> None:
        super().__init__(detail)
        self.error_class = error_class
        self.detail = detail


#: How much of an answer's body is read at all (bytes).
RESPONSE_LIMIT = 64 * 1024
#: An answer whose status line and headers, interim answers included, are longer than this is not read (bytes).
_HEAD_LIMIT = 64 * 1024
#: Nor is one that is not complete after this: a body up to its limit, in chunks of one byte, or trailers (bytes).
_WHOLE_LIMIT = 1024 * 1024


class StaleConnectionError(Exception):
    """A kept-alive connection was closed by the server before any byte of the request had reached it."""


class Connection(asyncio.Protocol):
    """A connection that is either idle or waiting for one answer.

    httptools (llhttp) calls the `on_...` methods while it parses; what they find is settled when it is through with
    the bytes at hand, since bytes behind the answer mean that the connection can't be used again. An answer without
    a length ends with the connection (RFC 9112, section 6.3); 1xx answers are skipped; what goes beyond RESPONSE_LIMIT
    is cut and the connection closed. Blemishes that every client takes are taken: folded headers (RFC 9112, 5.2), bare
    line feeds (2.2), blanks after a chunk's size, and a length that is there twice and equal (RFC 9110, 8.6).
    """

    __slots__ = (
        "_blemish",
        "_body",
        "_deadline",
        "_has_length",
        "_head",
        "_head_complete",
        "_loop",
        "_on_closed",
        "_on_idle",
        "_parser",
        "_received",
        "_response",
        "_retry_after",
        "_reusable",
        "_size",
        "_transport",
        "_waiter",
        "_was_used",
        "closed",
        "idle_since",
    )

    def __init__(self, on_idle: Callable[["Connection"], None], on_closed: Callable[["Connection"], None]) -> None:
        self._on_idle = on_idle
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()  # kept, because to ask for it is a system call in Python 3.11
        self._transport: asyncio.Transport
        self._waiter: asyncio.Future[Response] | None = None
        self._deadline = math.inf
        self._parser = self._new_parser()
        self._was_used = False
        self.closed = False
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is up."""
        self._transport = transport  # type: ignore[assignment]  # TCP or TLS: it is one to write to

    @property
    def deadline(self) -> float:
        """Until when the answer must be there (`time.monotonic()`); infinite when none is waited for."""
        return self._deadline if self._waiter is not None else math.inf

    def request(self, data: bytes, deadline: float = math.inf) -> "asyncio.Future[Response]":
        """Write one whole request; the future gets the answer, a TransportError or a StaleConnectionError.

        Whoever passes a deadline calls `fail` when it is over.
        """
        self._waiter = waiter = self._loop.create_future()
        self._deadline = deadline
        self._size = len(data)
        self._received = 0
        self._head = b""
        self._blemish: httptools.HttpParserError | None = None
        self._head_complete = False
        self._response: Response | None = None
        self._reusable = False
        self._body: bytes | bytearray = b""
        if not (self.closed or self._transport.is_closing()):
            self._transport.write(data)
        elif self._was_used:
            self.fail(StaleConnectionError())
        else:
            self._end(None)
        return waiter

    def give_up(self, waiter: "asyncio.Future[Response]", error: Exception) -> None:
        """Stop waiting for an answer and close; does nothing when the answer is there, since others may wait now."""
        if self._waiter is waiter:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Give up whatever is under way and close."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
        if not self.closed:
            self.abort()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.closed = True
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        if self._waiter is None:  # nobody asked: what is left on this connection can't be trusted
            self.abort()
            return
        self._received += len(data)
        if not self._head_complete:
            self._head = self._head + data if self._head else data
        try:
            self._feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._reusable = False
            if self._response is None:
                self.fail(TransportError(ErrorClass.PROTOCOL, f"not an HTTP answer: {error}"))
                return
        if self._response is not None:
            self._settle(self._response)
        elif self._received > (_WHOLE_LIMIT if self._head_complete else _HEAD_LIMIT):
            part = "answer" if self._head_complete else "headers"
            self.fail(TransportError(ErrorClass.PROTOCOL, f"no end of the {part} within {self._received} bytes"))

    def eof_received(self) -> None:
        """asyncio: the server will write no more; nothing that comes later could be read."""
        self._end(None)

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self.closed = True
        self._end(error)
        self._on_closed(self)

    def on_message_begin(self) -> None:
        """httptools: the first byte of an interim answer, the answer, or something that nobody asked for."""
        self._reusable = False
        self._has_length = False
        self._retry_after: str | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header, or one trailer, which says nothing here."""
        if self._head_complete:
            return
        if b"\0" in value:
            raise ValueError(value)  # httptools makes a HttpParserError of it
        name = name.lower()
        if name == b"retry-after":
            self._retry_after = value.decode("latin-1")
        elif name == b"content-length" or (name == b"transfer-encoding" and value.lower().endswith(b"chunked")):
            self._has_length = True

    def on_headers_complete(self) -> None:
        """httptools: the head is read."""
        status_code = self._parser.get_status_code()
        if status_code < 100:
            raise ValueError(status_code)  # httptools makes a HttpParserError of it
        self._head_complete = status_code >= 200

    def on_body(self, data: bytes) -> None:
        """httptools: a part of the body."""
        if self._response is not None:
            return
        if not self._body:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:
            self._body = bytearray(self._body + data)
        if len(self._body) > RESPONSE_LIMIT:
            self._complete(reusable=False)

    def on_message_complete(self) -> None:
        """httptools: the whole answer is read; after an interim one the real answer follows."""
        if self._head_complete and self._response is None:
            self._complete(reusable=self._parser.should_keep_alive())

    def _new_parser(self) -> httptools.HttpResponseParser:
        parser = httptools.HttpResponseParser(self)
        parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        return parser

    def _feed(self, data: bytes) -> None:
        """Parse; a head that has its length twice is parsed anew with one as soon as it is whole, if they are equal."""
        if self._blemish is None:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserError as error:
                if self._head_complete or "Content-Length" not in str(error):
                    raise
                self._blemish = error
            else:
                return
        if b"\n\r\n" in self._head or b"\n\n" in self._head:
            mended, blemish = with_one_length(self._head), self._blemish
            if mended is None:
                raise blemish
            self._blemish = None
            self._parser = self._new_parser()
            self._parser.feed_data(mended)

    def _complete(self, *, reusable: bool) -> Response:
        self._reusable = reusable
        body, is_cut = bytes(self._body[:RESPONSE_LIMIT]), len(self._body) > RESPONSE_LIMIT
        self._response = Response(self._parser.get_status_code(), body, self._retry_after, is_cut)
        return self._response

    def _settle(self, answer: Response) -> None:
        """Hand over the answer; the connection is used again only if both sides are through with this exchange."""
        reusable = self._reusable and not self.closed and not self._transport.get_write_buffer_size()
        if answer.status_code == 408 and self._was_used and not reusable and self._is_unread():
            self.fail(StaleConnectionError())  # the server's goodbye to an idle connection (RFC 9110, 15.5.9)
            return
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)
        if reusable:
            self._was_used = True
            self.idle_since = time.monotonic()
            self._on_idle(self)
        elif not self.closed:
            self.abort()

    def _end(self, error: Exception | None) -> None:
        """Nothing more can be read."""
        if self._waiter is None:
            if not self.closed:
                self.abort()
        elif error is None and self._head_complete and not self._has_length:
            self._settle(self._complete(reusable=False))
        elif error is None and self._was_used and not self._received and self._is_unread():
            self.fail(StaleConnectionError())
        else:
            error_class = ErrorClass.TLS if isinstance(error, ssl.SSLError) else ErrorClass.CONNECTION_RESET
            self.fail(TransportError(error_class, str(error or "closed before the answer was complete")))

    def _is_unread(self) -> bool:
        """Whether the server can't have read the request: its system has acknowledged no byte of it.

        A server that ends the connection in good order after it has read the request acknowledges it with that end at
        the latest; a reset acknowledges nothing. Where the system does not tell, the request counts as read.
        """
        try:
            descriptor = self._transport.get_extra_info("socket").fileno()
            waiting = int.from_bytes(fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        except (AttributeError, OSError, ValueError):  # a connection over TLS may be gone before its end is told
            return False
        return waiting + self._transport.get_write_buffer_size() >= self._size
