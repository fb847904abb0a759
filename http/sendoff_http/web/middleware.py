"""What happens around every handler: an id, the key, problem documents, a count and a line in the log.

It is one middleware that calls plain functions: a middleware for each would cost as much as parsing the message.
"""

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sendoff_http.web.authentication import Gate
from sendoff_http.web.problems import answer_error
from sendoff_http.web.request_log import HEADER, Observer

#: What the log and the counts say of a client that went away.
_GONE = 499


def make_spine(observer: Observer, gate: Gate) -> Middleware:
    """The middleware; whatever happens inside, the answer has the request's id and is counted."""

    @web.middleware
    async def spine(request: web.Request, handler: Handler) -> web.StreamResponse:
        started, status = time.perf_counter(), _GONE
        request_id = observer.identify(request)
        try:
            gate(request)
            response = await handler(request)
            status = response.status
        except web.HTTPRedirection as redirect:
            redirect.headers[HEADER] = request_id
            status = redirect.status
            raise
        except Exception as error:  # noqa: BLE001 the last line of defence: no error leaves without a document
            response = answer_error(request, error)
            status = response.status
        finally:
            observer.record(request, status, started)
        if not response.prepared:
            response.headers[HEADER] = request_id
        return response

    return spine
