"""The connections of the API: bodies arrive as they were sent, and a malformed head gets a problem document."""

import uuid
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.web_protocol import RequestHandler

from sendoff_http.web.keys import REQUEST_ID
from sendoff_http.web.problems import ProblemError, error_response, problem_response
from sendoff_http.web.request_log import HEADER
from sendoff_http.web.responses import SERVER

_log = structlog.get_logger("sendoff.http")


class Connection(RequestHandler):
    """One connection of a client."""

    __slots__ = ()

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
        response = self._describe(request, status, exc)
        response.headers.update({HEADER: request[REQUEST_ID], "Server": SERVER})
        response.force_close()
        return response

    def _describe(self, request: web.BaseRequest, status: int, exc: BaseException | None) -> web.Response:
        if isinstance(exc, LineTooLong):
            return self._refuse(
                request, ProblemError(431, "head_too_large", "a line of the request's head is too long")
            )
        if isinstance(exc, HttpProcessingError) or status == 400:
            return self._refuse(request, ProblemError(400, "malformed_request", "this is no well-formed HTTP request"))
        return error_response(request, exc if isinstance(exc, Exception) else RuntimeError("no response"))

    @staticmethod
    def _refuse(request: web.BaseRequest, problem: ProblemError) -> web.Response:
        _log.info("a request is malformed", peer=request.remote, code=problem.code, request_id=request[REQUEST_ID])
        return problem_response(request, problem)


class _Server(web.Server):
    """Makes a connection of ours for each that is opened."""

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


class ApiRunner(web.AppRunner):
    """Runs the API's application on connections of ours."""

    def __init__(self, app: web.Application, *, shutdown_timeout: float) -> None:
        super().__init__(app, access_log=None, shutdown_timeout=shutdown_timeout, auto_decompress=False)

    async def _make_server(self) -> web.Server:
        made: Any = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            loop=made._loop,
            **made._kwargs,
        )
