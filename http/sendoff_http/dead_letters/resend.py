"""Send one dead letter again."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.ids import format_message_id
from sendoff_http.dead_letters.model import no_such_dead_letter
from sendoff_http.messages.model import Message
from sendoff_http.messages.moves import customer_gone
from sendoff_http.web.auditing import entry_of
from sendoff_http.web.keys import CALLER, POOL, SETTINGS
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import message_id_of
from sendoff_http.web.responses import json_response
from sendoff_intake.message_rows import describe_row, load_message
from sendoff_intake.moves.resending import Resent, Which, resend_one

routes = Routes("Dead letters")


@routes.operation(
    "POST",
    "/v1/dead-letters/{id}/resend",
    "Send a dead letter again",
    {
        202: ResponseDoc(
            "The message, due now",
            Message,
            headers={"Location": "Where to read it"},
        )
    },
    access=needs(Scope.DEAD_LETTERS),
    problems=(404, 409, 503),
)
async def resend_dead_letter(request: web.Request) -> web.Response:
    """Answer once it is due again, under its old id; 409 if its customer was deleted, whoever has that id now."""
    message_id, customer = message_id_of(request), request[CALLER].customer
    entry = entry_of(request, "dead-letter.resend", format_message_id(message_id))
    pool, partitions = request.app[POOL], request.app[SETTINGS].partitions
    resent = await resend_one(pool, partitions, Which(ids=[message_id], customer=customer, only_dead=True), entry)
    if resent is Resent.CUSTOMER_GONE:
        raise customer_gone()
    if resent is Resent.NOTHING_THERE:
        raise no_such_dead_letter(request.match_info["id"])
    async with request.app[POOL].connection() as connection:
        row = await load_message(connection, message_id, customer)
    if row is None:
        raise no_such_dead_letter(request.match_info["id"])
    return json_response(describe_row(row), 202, {"Location": f"/v1/messages/{request.match_info['id']}"})
