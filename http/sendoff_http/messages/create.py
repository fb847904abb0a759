"""Accept one message: 202 means that it is stored for good."""

from aiohttp import web

from sendoff_http.messages.model import Message
from sendoff_http.web.body import BODY_LIMIT, JSON, parse_body, read_bytes, require_type
from sendoff_http.web.operation import Body, ResponseDoc, Routes
from sendoff_http.web.responses import QuickResponse
from sendoff_intake.group_commit import ACCEPTOR
from sendoff_intake.idempotency import HEADER, REPLAYED, idempotency_key
from sendoff_intake.message_input import MessageInput
from sendoff_intake.submission import Stored, describe, refusal
from sendoff_intake.submission_reader import ENTRY_MAKER

routes = Routes("Messages")

_EXAMPLES = {
    "now": {"to": "+4915112345678", "content": "Your parcel is on its way."},
    "later": {
        "to": "jane@example.org",
        "content": {"template": "reminder", "hours": 24},
        "delay": "90s",
        "metadata": {"campaign": "spring"},
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
            "The stored message", Message, headers={"Location": "Where to read it", REPLAYED: "true on a replay"}
        )
    },
    problems=(400, 413, 415, 422, 503),
    body=Body({JSON: MessageInput}, _EXAMPLES),
    headers={HEADER: "The same key with the same body gives the same message again; kept for three days."},
)
async def create_message(request: web.Request) -> web.StreamResponse:
    """Answer after the commit."""
    require_type(request, (JSON,))
    app = request.app
    body, key, maker = await read_bytes(request, BODY_LIMIT), idempotency_key(request), app[ENTRY_MAKER]
    entry = maker.read_plain(body, key) or maker.make(parse_body(body), key)
    result = await app[ACCEPTOR].accept(entry)
    if not isinstance(result, Stored):
        raise refusal(result, entry)
    headers = {"Location": "/v1/messages/msg_" + result.hex_id}
    if result.replayed:
        headers[REPLAYED] = "true"
    return QuickResponse(describe(entry, result), 202, headers)
