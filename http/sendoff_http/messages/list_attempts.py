"""List the attempts to deliver a message."""

from datetime import datetime
from typing import Any

from aiohttp import web

from sendoff_db.sql import read_statement
from sendoff_domain.times import format_moment
from sendoff_http.messages.attempt_model import Attempt
from sendoff_http.messages.rows import load_message
from sendoff_http.web.keys import POOL
from sendoff_http.web.operation import ResponseDoc, Routes
from sendoff_http.web.paths import message_id_of
from sendoff_http.web.problems import no_such_message
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel

routes = Routes("Messages")

_MOST = 1000


class Attempts(ApiModel):
    """The attempts of one message, the latest first; at most a thousand."""

    data: list[Attempt]


@routes.operation(
    "GET",
    "/v1/messages/{id}/attempts",
    "List a message's attempts",
    {200: ResponseDoc("Every attempt that is kept, the latest first", Attempts)},
    problems=(404, 503),
)
async def list_attempts(request: web.Request) -> web.Response:
    """Answer with the attempts of all generations."""
    message_id = message_id_of(request)
    async with request.app[POOL].connection() as connection:
        if await load_message(connection, message_id) is None:
            raise no_such_message(request.match_info["id"])
        statement = read_statement(__package__, "list_attempts")
        cursor = await connection.execute(statement, {"id": message_id, "limit": _MOST})
        rows = await cursor.fetchall()
    return json_response({"data": [_describe(*row) for row in rows]})


def _describe(
    generation: int,
    attempt: int,
    started_at: datetime,
    duration_us: int,
    status_code: int | None,
    error_class: str | None,
    detail: str | None,
    answer: bytes | None,
) -> dict[str, Any]:
    return {
        "generation": generation,
        "attempt": attempt,
        "outcome": "succeeded" if error_class is None else "failed",
        "startedAt": format_moment(started_at),
        "durationMs": duration_us / 1000,
        "statusCode": status_code,
        "errorClass": error_class,
        "detail": detail,
        "answer": None if answer is None else answer.decode("utf-8", "replace"),
    }
