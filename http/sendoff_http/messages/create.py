"""Accept one message: 202 means that it is stored for good."""

from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from aiohttp import web

from sendoff_config.tracing.tracer import CUSTOMER, MESSAGE_ID
from sendoff_domain.access import Scope
from sendoff_domain.ids import created_seconds
from sendoff_domain.times import format_moment
from sendoff_http.messages.accepting import problem_of
from sendoff_http.messages.model import Message
from sendoff_http.web.body import BODY_LIMIT, JSON, REPLAYED_HEADER, idempotency_key, read_bytes, require_type
from sendoff_http.web.keys import CALLER, INTAKE, SPAN, SUBMISSION_READER, TRACE, TRACER
from sendoff_http.web.operation import Body, ResponseDoc, Routes, needs
from sendoff_http.web.responses import QuickResponse
from sendoff_http.web.traces import TRACE_HEADERS, accept_in_span
from sendoff_intake.message_input import MessageInput
from sendoff_intake.submission import Rejected, Stored, Submission
from sendoff_intake.submission_reader import KEY_HEADER

routes = Routes("Messages")

_EXAMPLES = {
    "now": {"to": "+4915112345678", "content": "Your parcel is on its way."},
    "later": {
        "to": "jane@example.org",
        "content": {"template": "reminder", "hours": 24},
        "delay": "90s",
        "metadata": {"campaign": "spring"},
        "reference": "order-4711",
    },
    "tried again for a minute only": {"to": "jane@example.org", "content": "Your code is 4711.", "retry": "quick"},
    "tried again at these times": {
        "to": "jane@example.org",
        "content": "Your invoice.",
        "retry": {"waits": ["1m", "1h", "1d"], "jitter": 0.2},
    },
}


@routes.operation(
    "POST",
    "/v1/messages",
    "Accept a message",
    {
        202: ResponseDoc(
            "The stored message",
            Message,
            headers={"Location": "Where to read it", REPLAYED_HEADER: "true on a replay"},
        )
    },
    access=needs(Scope.WRITE_MESSAGES),
    problems=(400, 413, 415, 422, 429, 503),
    body=Body({JSON: MessageInput}, _EXAMPLES),
    headers={
        KEY_HEADER: "The same key with the same body gives the same message again; kept for three days.",
        **TRACE_HEADERS,
    },
)
async def create_message(request: web.Request) -> web.StreamResponse:
    """Answer after the commit."""
    tracer = request.app[TRACER]
    return await (_accept(request) if tracer is None else accept_in_span(request, tracer, _accept))


async def _accept(request: web.Request) -> web.StreamResponse:
    require_type(request, (JSON,))
    app = request.app
    body, key = await read_bytes(request, BODY_LIMIT), idempotency_key(request)
    submission = app[SUBMISSION_READER].read(body, key, customer=request[CALLER].customer, trace=request.get(TRACE))
    if isinstance(submission, Rejected):
        raise problem_of(submission)
    result = await app[INTAKE].store(submission)
    if isinstance(result, Rejected):
        raise problem_of(result)
    if SPAN in request:
        request[SPAN].describe({MESSAGE_ID: f"msg_{result.hex_id}", CUSTOMER: submission.message.customer})
    headers = {"Location": "/v1/messages/msg_" + result.hex_id}
    if result.replayed:
        headers[REPLAYED_HEADER] = "true"
    return QuickResponse(_describe(submission, result), 202, headers)


_encode_text = msgspec.json.Encoder().encode
#: In the payload, between `{"id":"msg_` and its end.
_ID_ENDS = len('{"id":"msg_') + 32


def _describe(submission: Submission, stored: Stored) -> bytes:
    """The message as it is when it is accepted; a replay gives the same document again.

    The payload has id, to, content and metadata already as the document shows them: the rest is put behind them.
    """
    message = submission.message
    expires_at = "null" if message.expires_at is None else f'"{format_moment(message.expires_at)}"'
    reference = "null" if message.reference is None else _encode_text(message.reference).decode()
    rest = (
        f',"reference":{reference},"customer":"{message.customer}","status":"scheduled","deliverAt":"{format_moment(stored.deliver_at)}",'
        f'"expiresAt":{expires_at},"retry":{message.retry or "null"},"createdAt":"{_created_at(stored.hex_id[:12])}",'
        '"sentAt":null,"attempts":0,"lastError":null,"externalMessageId":null}'
    )
    return b'{"id":"msg_%b%b%b' % (stored.hex_id.encode(), submission.payload[_ID_ENDS:-1], rest.encode())


@lru_cache(maxsize=1)
def _created_at(hex_ms: str) -> str:
    """The moment that an id begins with; many messages are made in the same millisecond."""
    return format_moment(datetime.fromtimestamp(created_seconds(hex_ms), UTC))
