"""The way of a request to its handler, and what happens around every handler.

That is an id, the key, problem documents, a count and a line in the log: one middleware that calls plain functions,
since a middleware for each would cost as much as parsing the message.
"""

import asyncio
import time

import psycopg
from aiohttp import web
from aiohttp.hdrs import EXPECT
from aiohttp.typedefs import Handler, Middleware

from sendoff_db.failures import is_outage, is_rolled_back
from sendoff_http.web.authentication import Authentication
from sendoff_http.web.keys import BODY
from sendoff_http.web.operation import QUERYLESS, NoQuery
from sendoff_http.web.problems import CLIENT_GONE, error_response
from sendoff_http.web.request_log import HEADER, RequestLog
from sendoff_http.web.sites import Sites
from sendoff_http.web.validation import read_query
from sendoff_intake.store import PAUSES

MIDDLEWARE: web.AppKey[Middleware] = web.AppKey("middleware", Middleware)


def make_dispatch(app: web.Application) -> Handler:
    """What serves the requests of an application that has no applications within it, behind its MIDDLEWARE.

    aiohttp's own dispatch (`Application._handle`) takes a tenth of the time of an accepted message: it asks for the
    running loop, a system call in Python 3.11, and puts two more calls around the middleware, for applications within
    applications.
    """
    resolve, middleware = app.router.resolve, app[MIDDLEWARE]

    async def dispatch(request: web.Request) -> web.StreamResponse:
        match = await resolve(request)
        attach(app, request, match)
        if EXPECT in request.headers:
            response = await match.expect_handler(request)
            await request.writer.drain()
            if response is not None:
                return response
        return await middleware(request, match.handler)

    return dispatch


def attach(app: web.Application, request: web.Request, match: web.UrlMappingMatchInfo) -> None:
    """Let a request know what was found for it; aiohttp tells that only from within its own dispatch."""
    match.add_app(app)
    match.freeze()
    request._match_info = match


def make_middleware(
    request_log: RequestLog, authentication: Authentication, sites: Sites, leaving: asyncio.Event
) -> Middleware:
    """The middleware; whatever happens inside, the response has the request's id and is counted.

    Once `leaving` is set, each response closes its connection.
    """

    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started, status = time.perf_counter(), CLIENT_GONE
        request_id = request_log.identify(request)
        try:
            sites.require_no_webhook(request)
            sites.require_own_page(request)
            await authentication.admit(request)
            sites.require_own_name(request)
            if request.query_string and request.match_info.handler in request.app[QUERYLESS]:
                read_query(request, NoQuery)  # refuses it
            try:
                response = await handler(request)
            except Exception as error:  # noqa: BLE001  it is raised again, unless the handler can be
                response = await _repeat(request, handler, error)
            status = response.status
        except web.HTTPRedirection as redirect:
            redirect.headers[HEADER] = request_id
            if leaving.is_set():
                redirect.force_close()
            status = redirect.status
            raise
        except Exception as error:  # noqa: BLE001 the last line of defence: no error leaves without a document
            response = error_response(request, error)
            status = response.status
        finally:
            request_log.record(request, status, started)
        if not response.prepared:
            response.headers[HEADER] = request_id
            if leaving.is_set():
                response.force_close()
        return response

    return middleware


async def _repeat(request: web.Request, handler: Handler, error: Exception) -> web.StreamResponse:
    """Serve a request again after an outage, with the patience of accepting; raises the error that is left in the end.

    One that writes is served again only if the server has said that it did nothing.
    """
    for pause in PAUSES:
        if not _may_repeat(request, error):
            break
        await asyncio.sleep(pause)
        try:
            return await handler(request)
        except Exception as again:  # noqa: BLE001  as above
            error = again
    raise error


def _may_repeat(request: web.Request, error: Exception) -> bool:
    if not isinstance(error, psycopg.Error) or (request.body_exists and BODY not in request):
        return False
    return is_outage(error) if request.method in ("GET", "HEAD") else is_rolled_back(error)
