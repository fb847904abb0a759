"""Cancel a message that is not being sent."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.message import WAITING
from sendoff_http.messages.moves import TRIES, wrong_state
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import message_id_of
from sendoff_http.web.problems import no_such_message
from sendoff_intake.message_rows import load_message
from sendoff_intake.moves.waiting import cancel

routes = Routes("Messages")


@routes.operation(
    "DELETE",
    "/v1/messages/{id}",
    "Cancel a message",
    {204: ResponseDoc("It will not be sent")},
    access=needs(Scope.WRITE_MESSAGES),
    problems=(404, 409, 503),
)
async def cancel_message(request: web.Request) -> web.Response:
    """Answer 204 once it can no longer be sent; 409 once it is being sent or is at its end."""
    message_id, customer = message_id_of(request), request[CALLER].customer
    async with request.app[POOL].connection() as connection:
        for _ in range(TRIES):
            if await cancel(connection, [message_id], customer):
                return web.Response(status=204)
            row = await load_message(connection, message_id, customer)
            if row is None or row.status not in WAITING:
                break
    if row is None:
        raise no_such_message(request.match_info["id"])
    raise wrong_state(row, "cancelled")
