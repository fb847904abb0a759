"""The trace that a request belongs to, of whatever stores messages: it goes along with them to their webhooks."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from multidict import istr

from sendoff_config.tracing.tracer import Span
from sendoff_domain.trace_context import LONGEST_STATE, TRACEPARENT, TRACESTATE, read_trace
from sendoff_http.web.keys import SPAN, TRACE, TRACER
from sendoff_http.web.problems import ProblemError

#: As istr, because a name that is a plain str is folded anew for each request.
_PARENT, _STATE = istr(TRACEPARENT), istr(TRACESTATE)
#: What operations say of these headers.
TRACE_HEADERS: Final = {
    TRACEPARENT: "W3C Trace Context: is passed on to the webhook. What is not valid is ignored.",
    TRACESTATE: f"Is passed on with a traceparent, {LONGEST_STATE} characters at most.",
}
#: Takes the messages of a request, which belong to that trace.
Accept = Callable[[web.Request, str | None], Awaitable[web.StreamResponse]]


async def accept_in_span(request: web.Request, accept: Accept) -> web.StreamResponse:
    """Answer with what `accept` does; it gets the request's trace, with the span of accepting if there is one.

    A trace is TRACE of the request, and the span its SPAN meanwhile.
    """
    parents = request.headers.getall(_PARENT, None)
    trace = None if parents is None else read_trace(parents, request.headers.getall(_STATE, ()))
    tracer = request.app[TRACER]
    span = None if tracer is None else tracer.begin("accept", "server", trace, at=time.time())
    if span is not None:
        return await _answer_in_span(request, accept, span)
    if trace is not None:
        request[TRACE] = trace
    return await accept(request, trace)


async def _answer_in_span(request: web.Request, accept: Accept, span: Span) -> web.StreamResponse:
    request[TRACE], request[SPAN] = span.trace, span
    resource, error = request.match_info.route.resource, None
    span.describe({"http.request.method": request.method, "http.route": resource.canonical if resource else ""})
    try:
        response = await accept(request, span.trace)
        span.describe({"http.response.status_code": response.status})
    except ProblemError as problem:
        span.describe({"http.response.status_code": problem.status})
        error = problem.code if problem.status >= 500 else None
        raise
    except Exception as unexpected:
        error = type(unexpected).__name__
        raise
    finally:
        del request[SPAN]
        span.end(time.time(), error)
    return response
