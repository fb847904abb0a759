"""Accept one message: 202 means that it is stored for good."""

from aiohttp import web

from sendoff_http.accept.acceptor import ACCEPTOR
from sendoff_http.accept.entry import Stored, describe, make_entry, refusal
from sendoff_http.accept.idempotency import HEADER, REPLAYED, idempotency_key
from sendoff_http.accept.message_input import MessageInput
from sendoff_http.answers import json_answer
from sendoff_http.body import JSON, read_json
from sendoff_http.message_model import Message
from sendoff_http.metrics import METRICS
from sendoff_http.operations import Answer, Body, Routes
from sendoff_http.resources import database_now
from sendoff_http.validation import validate

routes = Routes("Messages")

_EXAMPLES = {
    "now": {"to": "+4915112345678", "content": "Your parcel is on its way."},
    "later": {
        "to": "jane@example.org",
        "content": {"template": "reminder", "hours": 24},
        "delay": "90s",
        "metadata": {"campaign": "spring"},
    },
}


@routes.operation(
    "POST",
    "/v1/messages",
    "Accept a message",
    {
        202: Answer(
            "The stored message", Message, headers={"Location": "Where to read it", REPLAYED: "true on a replay"}
        )
    },
    problems=(400, 413, 415, 422, 503),
    body=Body({JSON: MessageInput}, _EXAMPLES),
    headers={HEADER: "The same key with the same body gives the same message again; kept for three days."},
)
async def create_message(request: web.Request) -> web.Response:
    """Answer after the commit."""
    raw = await read_json(request)
    message = validate(MessageInput, raw)
    entry = make_entry(message, raw, idempotency_key(request), database_now(request.app))
    result = await request.app[ACCEPTOR].accept(entry)
    if not isinstance(result, Stored):
        raise refusal(result, entry)
    document = describe(entry, result)
    headers = {"Location": "/v1/messages/" + document["id"]}
    if result.replayed:
        headers[REPLAYED] = "true"
    else:
        request.app[METRICS].accepted.inc()
    return json_answer(document, 202, headers)
