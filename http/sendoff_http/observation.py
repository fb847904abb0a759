"""Every request has an id, is counted and leaves one line in the log."""

import os
import re
import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sendoff_http.access_log import AccessLog
from sendoff_http.metrics import Metrics
from sendoff_http.resources import REQUEST_ID

_HEADER = "X-Request-Id"
_is_sane = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch


def observe(metrics: Metrics, log: AccessLog) -> Middleware:
    """The outermost middleware: whatever happens inside, the answer has the request's id and is counted."""

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        given = request.headers.get(_HEADER)
        request_id = given if given is not None and _is_sane(given) else os.urandom(16).hex()
        request[REQUEST_ID] = request_id
        response = None
        try:
            response = await handler(request)
        except web.HTTPException as answer:  # a redirect
            answer.headers[_HEADER] = request_id
            response = answer
            raise
        finally:
            _record(metrics, log, request, response.status if response else 499, time.perf_counter() - started)
        if not response.prepared:
            response.headers[_HEADER] = request_id
        return response

    return watch


def _record(metrics: Metrics, log: AccessLog, request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    # A path without a route is not a label: anybody could make up as many as they like.
    metrics.observe(request.method, resource.canonical if resource else "", status, seconds)
    log(
        "request",
        method=request.method,
        path=request.rel_url.raw_path,
        status=status,
        ms=round(seconds * 1000, 2),
        peer=request.remote,
        request_id=request[REQUEST_ID],
    )
