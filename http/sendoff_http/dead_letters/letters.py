"""List, inspect, send again and delete dead letters, one by one."""

from aiohttp import web
from psycopg.rows import args_row

from sendoff_db.sql import read_statement
from sendoff_http.dead_letters.model import (
    KIND,
    DeadLetterPage,
    DeadLetterQuery,
    DeadLetterRow,
    DeadLetterWithHistory,
    describe_history,
)
from sendoff_http.messages.model import Message
from sendoff_http.messages.resending import resend
from sendoff_http.messages.rows import describe_row, load_message
from sendoff_http.web.cursor import encode_cursor
from sendoff_http.web.keys import POOL, SETTINGS
from sendoff_http.web.operation import ResponseDoc, Routes
from sendoff_http.web.paths import message_id_of
from sendoff_http.web.problems import ProblemError
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import read_query

routes = Routes("Dead letters")
_PACKAGE = "sendoff_http.dead_letters"


@routes.operation(
    "GET",
    "/v1/dead-letters",
    "List dead letters, newest message first",
    {200: ResponseDoc("One page", DeadLetterPage)},
    problems=(422, 503),
    query=DeadLetterQuery,
)
async def list_dead_letters(request: web.Request) -> web.Response:
    """Answer with one page."""
    query = read_query(request, DeadLetterQuery)
    values = {**query.values(), "limit": query.limit + 1}
    async with (
        request.app[POOL].connection() as connection,
        connection.cursor(row_factory=args_row(DeadLetterRow)) as cursor,
    ):
        await cursor.execute(read_statement(_PACKAGE, "list_dead_letters"), values)
        rows = await cursor.fetchall()
    shown = rows[: query.limit]
    next_cursor = encode_cursor(KIND, shown[-1].message_id) if len(rows) > query.limit else None
    return json_response({"data": [row.document() for row in shown], "nextCursor": next_cursor})


@routes.operation(
    "GET",
    "/v1/dead-letters/{id}",
    "Inspect a dead letter",
    {200: ResponseDoc("The dead letter with its history", DeadLetterWithHistory)},
    problems=(404, 503),
)
async def read_dead_letter(request: web.Request) -> web.Response:
    """Answer with the copy that the dead letter holds."""
    message_id = message_id_of(request)
    async with request.app[POOL].connection() as connection:
        cursor = await connection.execute(read_statement(_PACKAGE, "read_dead_letter"), {"id": message_id})
        found = await cursor.fetchone()
    if found is None:
        raise _no_such_dead_letter(request)
    *columns, history = found
    return json_response({**DeadLetterRow(*columns).document(), "history": describe_history(history)})


@routes.operation(
    "POST",
    "/v1/dead-letters/{id}/resend",
    "Send a dead letter again",
    {202: ResponseDoc("The message, due now", Message, headers={"Location": "Where to read it"})},
    problems=(404, 503),
)
async def resend_dead_letter(request: web.Request) -> web.Response:
    """Answer once it is due again, under its old id."""
    message_id = message_id_of(request)
    if not await resend(request.app[POOL], request.app[SETTINGS].partitions, [message_id], only_dead=True):
        raise _no_such_dead_letter(request)
    async with request.app[POOL].connection() as connection:
        row = await load_message(connection, message_id)
    if row is None:
        raise _no_such_dead_letter(request)
    return json_response(describe_row(row), 202, {"Location": f"/v1/messages/{request.match_info['id']}"})


@routes.operation(
    "DELETE", "/v1/dead-letters/{id}", "Delete a dead letter", {204: ResponseDoc("It is gone")}, problems=(404, 503)
)
async def delete_dead_letter(request: web.Request) -> web.Response:
    """Answer 204 once it is gone for good."""
    message_id = message_id_of(request)
    async with request.app[POOL].connection() as connection:
        cursor = await connection.execute(read_statement(_PACKAGE, "delete_dead_letter"), {"id": message_id})
        if await cursor.fetchone() is None:
            raise _no_such_dead_letter(request)
    return web.Response(status=204)


def _no_such_dead_letter(request: web.Request) -> ProblemError:
    detail = f"there is no dead letter {request.match_info['id'][:80]!r}"
    return ProblemError(404, "dead_letter_not_found", detail)
