"""Read one message, wherever it is."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_http.messages.model import Message
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import message_id_of
from sendoff_http.web.problems import no_such_message
from sendoff_http.web.responses import json_response
from sendoff_intake.message_rows import describe_row, load_message

routes = Routes("Messages")


@routes.operation(
    "GET",
    "/v1/messages/{id}",
    "Read a message",
    {200: ResponseDoc("The message", Message)},
    access=needs(Scope.READ_MESSAGES),
    problems=(404, 503),
)
async def read_message(request: web.Request) -> web.Response:
    """Answer with the message's present state."""
    message_id = message_id_of(request)
    async with request.app[POOL].connection() as connection:
        row = await load_message(connection, message_id, request[CALLER].customer)
    if row is None:
        raise no_such_message(request.match_info["id"])
    return json_response(describe_row(row))
