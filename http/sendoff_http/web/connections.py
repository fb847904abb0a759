"""The connections of the API: no client is waited for without end, and a malformed head gets a problem document."""

import asyncio
import socket
import uuid
from contextlib import suppress
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from sendoff_http.web.connection_table import ConnectionTable
from sendoff_http.web.keys import REQUEST_ID, SETTINGS
from sendoff_http.web.middleware import make_dispatch
from sendoff_http.web.problems import ProblemError, error_response, overloaded, problem_response
from sendoff_http.web.request_log import HEADER
from sendoff_http.web.responses import SERVER

#: How long a connection may be idle between two requests: longer than gateways keep theirs (nginx: 60 s), so that the
#: gateway is the one to close it.
IDLE_SECONDS = 75.0
#: How long the head of a request may take, from the opening of the connection or else from its first byte.
HEAD_SECONDS = 15.0
#: A client that is told that there is no place for it has so long to send something.
_REFUSED_SECONDS = 2.0
#: A client must take so many bytes of its responses within so many seconds.
UNREAD_SECONDS = 15.0
_LEAST_READ = 16 * 1024
#: After a response that came before its request was whole, the rest is read and dropped for so long.
_LINGERING_SECONDS = 5.0
#: At a shutdown a client that has just connected has so long for its request.
_NEW_SECONDS = 0.3
_SHUTDOWN_CHECK_SECONDS = 0.02
#: Requests of one connection that wait for the ones before them.
_MOST_PIPELINED = 8
_log = structlog.get_logger("sendoff.http")


class _LateError(Exception):
    """The head of a request did not come in time."""


class _NoPlaceError(Exception):
    """There are too many connections."""


class Connection(RequestHandler):
    """One connection of a client."""

    __slots__ = (
        "_has_begun",
        "_has_place",
        "_head_timer",
        "_opened_at",
        "_refused",
        "_table",
        "_unread",
        "_unread_timer",
    )

    def __init__(self, manager: web.Server, table: ConnectionTable, **options: Any) -> None:
        super().__init__(manager, keepalive_timeout=IDLE_SECONDS, lingering_time=_LINGERING_SECONDS, **options)
        self._max_msg_queue_size, self._msg_queue_resume_size = _MOST_PIPELINED, _MOST_PIPELINED // 2
        self._table = table
        self._has_begun = self._has_place = self._refused = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._unread = 0
        self._opened_at = 0.0

    @property
    def awaits_client(self) -> bool:
        """Whether nothing is done for the client before it sends more: a head, or the rest of a body."""
        if self._current_request is not None:
            return not self._current_request.content.is_eof()
        return self._awaits_head

    @property
    def _awaits_head(self) -> bool:
        return self._request_count == 0 or (self._waiter is not None and not self._waiter.done())

    @property
    def is_busy(self) -> bool:
        """Whether a request is being read or served, or may be on its way on a connection that is new."""
        if self._messages or self._request_in_progress:
            return True
        if self._has_begun:
            return self._head_timer is not None
        return self._loop.time() - self._opened_at < _NEW_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place; without one the client is told so as soon as it has sent something."""
        super().connection_made(transport)
        self._opened_at = self._loop.time()
        peer = transport.get_extra_info("peername")
        self._has_place = self._table.add(self, peer[0] if isinstance(peer, tuple) else "")
        if not self._has_place:
            self._refused = self._table.may_refuse()
            if not self._refused:
                self.force_close()
                return
        patience = HEAD_SECONDS if self._has_place else _REFUSED_SECONDS
        self._head_timer = self._loop.call_later(patience, self._head_is_late)

    def data_received(self, data: bytes) -> None:
        """Read on, and watch the time while a head has only begun."""
        if self._refused:
            self._answer(503, _NoPlaceError())
            return
        self._has_begun = True
        super().data_received(data)
        if self._request_count and (self._waiter is None or self._waiter.done()):
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
        elif self._head_timer is None:
            self._head_timer = self._loop.call_later(HEAD_SECONDS, self._head_is_late)

    def pause_writing(self) -> None:
        """Watch whether the client reads what it has asked for."""
        super().pause_writing()
        if self.transport is not None:
            self._unread = self.transport.get_write_buffer_size()
            self._unread_timer = self._loop.call_later(UNREAD_SECONDS, self._check_reading)

    def resume_writing(self) -> None:
        """The client has read nearly all."""
        super().resume_writing()
        self._stop(self._unread_timer)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back."""
        self._stop(self._head_timer)
        self._stop(self._unread_timer)
        if self._has_place:
            self._table.remove(self)
        elif self._refused:
            self._table.refused()
        super().connection_lost(exc)

    def _answer(self, status: int, error: Exception) -> None:
        """Have a problem answered in the place of a request that has not come, if no other is on its way."""
        if not self._messages:
            self._messages.append((_ErrInfo(status=status, exc=error, message=""), EMPTY_PAYLOAD))
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self._awaits_head:
            return
        if self._has_begun:
            self._answer(408, _LateError())
        else:
            self.force_close()

    def _check_reading(self) -> None:
        if self.transport is None:
            return
        left = self.transport.get_write_buffer_size()
        if self._unread - left < _LEAST_READ:
            _log.info("a client does not read its responses", bytes=left)
            self.transport.abort()
            return
        self._unread = left
        self._unread_timer = self._loop.call_later(UNREAD_SECONDS, self._check_reading)

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The response for what never reached a handler; the connection is closed after it."""
        if request.writer.output_size > 0:
            raise ConnectionError("the response has begun already")
        request[REQUEST_ID] = uuid.uuid4().hex
        response = _describe(request, status, exc)
        response.headers.update({HEADER: request[REQUEST_ID], "Server": SERVER, "Connection": "close"})
        response.force_close()
        return response


def _describe(request: web.BaseRequest, status: int, error: BaseException | None) -> web.Response:
    match error:
        case LineTooLong():
            problem = ProblemError(431, "head_too_large", "a line of the request's head is too long")
        case _LateError():
            problem = ProblemError(408, "request_timeout", f"the head was not whole within {HEAD_SECONDS:.0f} s")
        case _NoPlaceError():
            problem = overloaded("there are too many connections; try again")
        case _ if isinstance(error, HttpProcessingError) or status == 400:
            problem = ProblemError(400, "malformed_request", "this is no well-formed HTTP request")
        case _:
            return error_response(request, error if isinstance(error, Exception) else RuntimeError("no response"))
    _log.info("a request is refused unread", peer=request.remote, code=problem.code, request_id=request[REQUEST_ID])
    return problem_response(request, problem)


class _Server(web.Server):
    """Makes a connection of ours for each that is opened."""

    def __init__(self, made: Any, dispatch: Any, table: ConnectionTable) -> None:
        super().__init__(dispatch, request_factory=made.request_factory, loop=made._loop, **made._kwargs)
        self._table = table

    def __call__(self) -> RequestHandler:
        return Connection(self, self._table, loop=self._loop, **self._kwargs)


class ApiRunner(web.AppRunner):
    """Runs the API's application on connections of ours."""

    def __init__(self, app: web.Application, *, shutdown_timeout: float) -> None:
        super().__init__(app, access_log=None, shutdown_timeout=shutdown_timeout, auto_decompress=False)

    async def _make_server(self) -> web.Server:
        table = ConnectionTable(self.app[SETTINGS].http.max_connections)
        return _Server(await super()._make_server(), make_dispatch(self.app), table)

    async def stop_listening(self) -> None:
        """Take what has connected already and nothing more; returns when all requests are served, or too slow.

        A listening socket that is closed resets what the kernel has accepted and no one has taken: so it is taken.
        """
        loop, server = asyncio.get_running_loop(), self.server
        assert server is not None  # noqa: S101 for mypy: `setup` made it
        listeners = [socket.fromfd(each.fileno(), each.family, each.type) for each in self._listeners()]
        accepted = [taken for listener in listeners for taken in _accept_all(listener)]
        for site in list(self.sites):
            await site.stop()
        for listener in listeners:
            accepted += _accept_all(listener)
            listener.close()
        for connected in accepted:
            await loop.connect_accepted_socket(server, connected)
        deadline = loop.time() + self._shutdown_timeout
        while loop.time() < deadline and self._is_busy():  # noqa: ASYNC110  once in a life: no event is kept for it
            await asyncio.sleep(_SHUTDOWN_CHECK_SECONDS)

    def _is_busy(self) -> bool:
        connections = self.server.connections if self.server is not None else []
        return any(isinstance(one, Connection) and one.is_busy for one in connections)

    def _listeners(self) -> list[Any]:
        servers: list[Any] = [site._server for site in self.sites]
        return [listener for server in servers if server is not None for listener in server.sockets]


def _accept_all(listener: socket.socket) -> list[socket.socket]:
    """The connections that wait to be accepted."""
    listener.setblocking(False)
    accepted = []
    with suppress(OSError):  # BlockingIOError: no more; any other: the rest is lost with the listener anyway
        while True:
            accepted.append(listener.accept()[0])
    return accepted
