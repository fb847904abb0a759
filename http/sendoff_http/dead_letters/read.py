"""Read one dead letter with the history of its attempts."""

from aiohttp import web

from sendoff_db.sql import fetch_all_as
from sendoff_domain.access import Scope
from sendoff_http.dead_letters.model import (
    DeadLetterWithHistory,
    DeadLetterWithHistoryRow,
    describe_history,
    describe_row,
    no_such_dead_letter,
)
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import message_id_of
from sendoff_http.web.responses import json_response

routes = Routes("Dead letters")


@routes.operation(
    "GET",
    "/v1/dead-letters/{id}",
    "Inspect a dead letter",
    {200: ResponseDoc("The dead letter with its history", DeadLetterWithHistory)},
    access=needs(Scope.DEAD_LETTERS, Scope.READ_MESSAGES),
    problems=(404, 503),
)
async def read_dead_letter(request: web.Request) -> web.Response:
    """Answer with the copy that the dead letter holds."""
    values = {"id": message_id_of(request), "customer": request[CALLER].customer}
    async with request.app[POOL].connection() as connection:
        rows = await fetch_all_as(connection, __package__, "read_dead_letter", values, kind=DeadLetterWithHistoryRow)
    if not rows:
        raise no_such_dead_letter(request.match_info["id"])
    return json_response({**describe_row(rows[0]), "history": describe_history(rows[0].history)})
