"""List the attempts to deliver a message."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aiohttp import web
from pydantic import Field

from sendoff_db.sql import fetch_all_as
from sendoff_domain.access import Scope
from sendoff_http.web.documents import ResponseModel, ShownMoment
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import message_id_of
from sendoff_http.web.problems import no_such_message
from sendoff_http.web.responses import json_response
from sendoff_intake.message_rows import load_message

routes = Routes("Messages")

_MOST = 1000


class Attempt(ResponseModel):
    """One request to the webhook and what came of it."""

    generation: int = Field(description="Rises with each resend.")
    attempt: int = Field(description="1 is the first of a generation.")
    outcome: Literal["succeeded", "failed"]
    started_at: ShownMoment
    duration_ms: float
    status_code: int | None = Field(description="The status of the answer, if there was one.")
    error_class: str | None
    detail: str | None
    answer: str | None = Field(description="The first 4 KiB of a failed attempt's answer.")


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """A row of `list_attempts.sql`."""

    generation: int
    attempt: int
    started_at: datetime
    duration_us: int
    status_code: int | None
    error_class: str | None
    detail: str | None
    answer: bytes | None


class Attempts(ResponseModel):
    """The attempts of one message, the latest first; at most a thousand."""

    data: list[Attempt]


@routes.operation(
    "GET",
    "/v1/messages/{id}/attempts",
    "List a message's attempts",
    {200: ResponseDoc("Every attempt that is kept, the latest first", Attempts)},
    access=needs(Scope.READ_MESSAGES),
    problems=(404, 503),
)
async def list_attempts(request: web.Request) -> web.Response:
    """Answer with the attempts of all generations."""
    message_id = message_id_of(request)
    async with request.app[POOL].connection() as connection:
        if await load_message(connection, message_id, request[CALLER].customer) is None:
            raise no_such_message(request.match_info["id"])
        values = {"id": message_id, "limit": _MOST}
        rows = await fetch_all_as(connection, __package__, "list_attempts", values, kind=AttemptRow)
    return json_response(Attempts(data=[_describe(row) for row in rows]).document())


def _describe(row: AttemptRow) -> Attempt:
    return Attempt(
        generation=row.generation,
        attempt=row.attempt,
        outcome="succeeded" if row.error_class is None else "failed",
        started_at=row.started_at,
        duration_ms=row.duration_us / 1000,
        status_code=row.status_code,
        error_class=row.error_class,
        detail=row.detail,
        answer=None if row.answer is None else row.answer.decode("utf-8", "replace"),
    )
