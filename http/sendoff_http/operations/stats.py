"""Counts for a dashboard, cheap whatever there is."""

from typing import Any

from aiohttp import web
from pydantic import Field

from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_http.web.keys import POOL
from sendoff_http.web.operation import ResponseDoc, Routes
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel

routes = Routes("Stats")

_PLACES = ("due", "retries", "deliveries", "dead_letters", "cancellations")
#: Up to here a place is counted, beyond it PostgreSQL's own estimate is shown.
_BOUND = 20_000


class Counts(ApiModel):
    """Messages by status; beyond some ten thousand each number is an estimate."""

    scheduled: int
    sending: int
    retrying: int
    sent: int
    dead: int
    cancelled: int


class Stats(ApiModel):
    """How much there is and how late it is."""

    counts: Counts
    late: int = Field(description="Due, but not yet claimed; counted up to 100,000.")
    lag_seconds: float = Field(description="How long the oldest of these has waited.")
    sent_last_minute: int


@routes.operation("GET", "/v1/stats", "Counts and lag", {200: ResponseDoc("The numbers", Stats)}, problems=(503,))
async def read_stats(request: web.Request) -> web.Response:
    """Answer with counts that cost the same whatever there is."""
    async with request.app[POOL].connection() as connection:
        late, lag, claimed, again, sent = await _one(connection, "count_waiting", {})
        places = await _count_places(connection)
    counts = {
        "scheduled": max(0, places["due"] - claimed - again),
        "sending": claimed,
        "retrying": places["retries"] + again,
        "sent": places["deliveries"],
        "dead": places["dead_letters"],
        "cancelled": places["cancellations"],
    }
    return json_response({"counts": counts, "late": late, "lagSeconds": lag or 0.0, "sentLastMinute": sent})


async def _count_places(connection: Connection) -> dict[str, int]:
    counted = await _one(connection, "count_places", {"bound": _BOUND})
    cursor = await connection.execute(read_statement(__package__, "estimate_places"))
    estimated: dict[str, int] = dict(await cursor.fetchall())
    return {
        place: count if count < _BOUND else max(count, estimated.get(place, 0))
        for place, count in zip(_PLACES, counted, strict=True)
    }


async def _one(connection: Connection, statement: str, values: dict[str, Any]) -> tuple[Any, ...]:
    cursor = await connection.execute(read_statement(__package__, statement), values)
    (row,) = await cursor.fetchall()
    return row
