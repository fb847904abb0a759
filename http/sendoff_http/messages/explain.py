"""Say why a message is not delivered yet."""

from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

from aiohttp import web
from pydantic import Field

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all_as
from sendoff_domain.access import Scope
from sendoff_domain.explanation import Cause, Explanation, Facts, explain
from sendoff_domain.ids import format_message_id
from sendoff_domain.message import FINAL
from sendoff_domain.times import format_moment
from sendoff_http.messages.model import MessageId
from sendoff_http.messages.moves import TRIES
from sendoff_http.web.documents import ResponseModel, ShownMoment
from sendoff_http.web.keys import CALLER, MEMBER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import message_id_of
from sendoff_http.web.problems import no_such_message
from sendoff_http.web.responses import json_response
from sendoff_intake.message_rows import MessageRow, load_message

routes = Routes("Messages")


class ShownReason(ResponseModel):
    """One thing that the message waits for."""

    cause: Cause
    detail: str
    until: ShownMoment | None = Field(description="When this is over, if that is known.")


class ShownExplanation(ResponseModel):
    """Why a message has not been delivered yet, or what became of it."""

    id: MessageId
    customer: str
    status: Literal["scheduled", "sending", "retrying", "sent", "dead", "cancelled"]
    summary: str = Field(description="The strongest reason in a sentence.")
    reasons: list[ShownReason]
    next_try_at: ShownMoment | None = Field(description="Null if it is for a person to decide, or over.")


@routes.operation(
    "GET",
    "/v1/messages/{id}/explain",
    "Say why a message is not delivered yet",
    {200: ResponseDoc("All that it waits for", ShownExplanation)},
    access=needs(Scope.READ_MESSAGES),
    problems=(404, 503),
)
async def explain_message(request: web.Request) -> web.Response:
    """Answer with every reason, the strongest first."""
    message_id = message_id_of(request)
    async with request.app[POOL].connection() as connection:
        row, facts = await _look(connection, message_id, request[CALLER].customer)
    if row is None:
        raise no_such_message(request.match_info["id"], still_in_stream=await _count_in_stream(request))
    identity = {"id": format_message_id(message_id), "customer": row.customer_id, "status": row.status}
    redis = request.app[MEMBER].redis_health
    found = _describe_end(row) if facts is None else _describe(explain(replace(facts, redis=redis)))
    return json_response(ShownExplanation.model_validate({**identity, **found}).document())


async def _count_in_stream(request: web.Request) -> int | None:
    """How many messages have no id yet, since they wait in the stream: of the caller's customer, or of all."""
    stream, customer = request.app[MEMBER].ingest_stream, request[CALLER].customer
    if customer is not None:
        return await stream.waiting_of(customer)
    figures = await stream.figures()
    return None if figures is None else figures.waiting


async def _look(
    connection: Connection, message_id: UUID, customer: str | None
) -> tuple[MessageRow | None, Facts | None]:
    """The message and, while it waits for something, what is known of that."""
    row = None
    for _ in range(TRIES):
        row = await load_message(connection, message_id, customer)
        if row is None or row.status in FINAL:
            break
        facts = await _facts(connection, message_id)
        if facts is not None:
            return row, facts
    return row, None


async def _facts(connection: Connection, message_id: UUID) -> Facts | None:
    found = await fetch_all_as(connection, __package__, "read_facts", {"id": message_id}, kind=Facts)
    return found[0] if found else None


def _describe(explanation: Explanation) -> dict[str, Any]:
    return {
        "summary": explanation.reasons[0].detail,
        "reasons": explanation.reasons,
        "next_try_at": explanation.next_try_at,
    }


def _describe_end(row: MessageRow) -> dict[str, Any]:
    ends = {
        "sent": f"it was delivered at {format_moment(row.sent_at)}" if row.sent_at is not None else "it was delivered",
        "dead": f"it is a dead letter: {row.reason}",
        "cancelled": "it was cancelled",
    }
    summary = ends.get(row.status, "it is on its way from one place to another; ask again")
    return {"summary": summary, "reasons": (), "next_try_at": None}
