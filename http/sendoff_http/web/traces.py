"""The span in which a request's messages are accepted, where spans are recorded (`tracing.enabled`)."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from sendoff_config.tracing.tracer import Span, Tracer
from sendoff_domain.trace_context import LONGEST_STATE, TRACEPARENT, TRACESTATE
from sendoff_http.web.keys import SPAN, TRACE
from sendoff_http.web.problems import ProblemError

#: What operations say of the headers of a trace.
TRACE_HEADERS: Final = {
    TRACEPARENT: "W3C Trace Context: is passed on to the webhook. What is not valid is ignored.",
    TRACESTATE: f"Is passed on with a traceparent, {LONGEST_STATE} characters at most.",
}
#: Takes the messages of a request.
Accept = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def accept_in_span(request: web.Request, tracer: Tracer, accept: Accept) -> web.StreamResponse:
    """Answer with what `accept` does, within a span if this trace is sampled.

    The span is SPAN of the request meanwhile, and the parent in its TRACE from then on.
    """
    span = tracer.begin("accept", "server", request.get(TRACE), at=time.time())
    return await (accept(request) if span is None else _answer_in_span(request, accept, span))


async def _answer_in_span(request: web.Request, accept: Accept, span: Span) -> web.StreamResponse:
    request[TRACE], request[SPAN] = span.trace, span
    resource, error = request.match_info.route.resource, None
    span.describe({"http.request.method": request.method, "http.route": resource.canonical if resource else ""})
    try:
        response = await accept(request)
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
