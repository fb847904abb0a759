"""What happens around every handler: an id, the key, problem documents, a count and a line in the log.

It is one middleware that calls plain functions: a middleware for each would cost as much as parsing the message.
"""

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sendoff_http.web.authentication import Authentication
from sendoff_http.web.problems import CLIENT_GONE, error_response
from sendoff_http.web.request_log import HEADER, RequestLog
from sendoff_http.web.sites import Sites


def make_middleware(request_log: RequestLog, authentication: Authentication, sites: Sites) -> Middleware:
    """The middleware; whatever happens inside, the response has the request's id and is counted."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started, status = time.perf_counter(), CLIENT_GONE
        request_id = request_log.identify(request)
        try:
            sites.require_own_page(request)
            await authentication.admit(request)
            sites.require_own_name(request)
            response = await handler(request)
            status = response.status
        except web.HTTPRedirection as redirect:
            redirect.headers[HEADER] = request_id
            status = redirect.status
            raise
        except Exception as error:  # noqa: BLE001 the last line of defence: no error leaves without a document
            response = error_response(request, error)
            status = response.status
        finally:
            request_log.record(request, status, started)
        if not response.prepared:
            response.headers[HEADER] = request_id
        return response

    return middleware
