"""The trace that a request belongs to, of whatever stores messages: it goes along with them to their webhooks."""

from typing import Final

from aiohttp import web
from multidict import istr

from sendoff_domain.trace_context import LONGEST_STATE, TRACEPARENT, TRACESTATE, read_trace

#: As istr, because a name that is a plain str is folded anew for each request.
_PARENT, _STATE = istr(TRACEPARENT), istr(TRACESTATE)
#: What operations say of these headers.
TRACE_HEADERS: Final = {
    TRACEPARENT: "W3C Trace Context: is passed on to the webhook. What is not valid is ignored.",
    TRACESTATE: f"Is passed on with a traceparent, {LONGEST_STATE} characters at most.",
}


def trace_of(request: web.Request) -> str | None:
    """The request's trace, if it has a valid one."""
    parents = request.headers.getall(_PARENT, None)
    return None if parents is None else read_trace(parents, request.headers.getall(_STATE, ()))
