"""Send a message again: the same id, a new generation, fresh attempts."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.ids import format_message_id
from sendoff_http.messages.model import Message
from sendoff_http.messages.moves import customer_gone, wrong_state
from sendoff_http.web.auditing import entry_of
from sendoff_http.web.keys import CALLER, POOL, SETTINGS
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import message_id_of
from sendoff_http.web.problems import no_such_message
from sendoff_http.web.responses import json_response
from sendoff_intake.message_rows import describe_row, load_message
from sendoff_intake.moves.resending import Resent, Which, resend_one

routes = Routes("Messages")


@routes.operation(
    "POST",
    "/v1/messages/{id}/resend",
    "Send a message again",
    {
        202: ResponseDoc(
            "The message, due now",
            Message,
            headers={"Location": "Where to read it"},
        )
    },
    access=needs(Scope.WRITE_MESSAGES),
    problems=(404, 409, 503),
)
async def resend_message(request: web.Request) -> web.Response:
    """Answer once it is due again; 409 while it is still on its way, or if its customer was deleted."""
    message_id, customer = message_id_of(request), request[CALLER].customer
    entry = entry_of(request, "message.resend", format_message_id(message_id))
    which = Which(ids=[message_id], customer=customer)
    resent = await resend_one(request.app[POOL], request.app[SETTINGS].partitions, which, entry)
    if resent is Resent.CUSTOMER_GONE:
        raise customer_gone()
    async with request.app[POOL].connection() as connection:
        row = await load_message(connection, message_id, customer)
    if row is None:
        raise no_such_message(request.match_info["id"])
    if resent is Resent.NOTHING_THERE:
        raise wrong_state(row, "resent")
    return json_response(describe_row(row), 202, {"Location": f"/v1/messages/{request.match_info['id']}"})
