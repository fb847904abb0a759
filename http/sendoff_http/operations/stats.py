"""Counts for a dashboard, cheap whatever there is."""

from aiohttp import web
from pydantic import Field

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all
from sendoff_domain.access import Scope
from sendoff_http.web.documents import ResponseModel
from sendoff_http.web.keys import MEMBER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.request_log import METRICS
from sendoff_http.web.responses import json_response

routes = Routes("Stats")

_PLACES = ("due", "retries", "deliveries", "dead_letters", "cancellations")
#: Up to here a place is counted, beyond it PostgreSQL's own estimate is shown.
_BOUND = 20_000
_REFUSED = "sendoff_refused_messages_total"


class Counts(ResponseModel):
    """Messages by status; beyond some ten thousand each number is an estimate."""

    scheduled: int
    sending: int
    retrying: int
    sent: int
    dead: int
    cancelled: int


class IngestStats(ResponseModel):
    """What is in the stream of messages that come in over NATS, for the whole fleet."""

    waiting: int = Field(description="Messages in the stream, not stored yet.")
    taken: int | None = Field(description="How many of these an ingest process holds.")
    oldest_seconds: float = Field(description="How long the oldest of them has been in the stream.")
    bytes: int = Field(description="What they take in the stream.")
    max_bytes: int | None = Field(description="How much the stream may hold; null: any amount.")
    handled: int = Field(description="How many have left the stream since it was made: stored, or rejected.")
    rejected: int | None = Field(description="How many were rejected since the stream of rejections was made.")
    full_customers: list[str] | None = Field(
        description="Customers whose producers are refused, for their quota in the stream is full: 100 at most; null"
        " if more than 10,000 customers have messages there."
    )


class Stats(ResponseModel):
    """How much there is and how late it is."""

    counts: Counts
    late: int = Field(description="Due, but not yet claimed; counted up to 100,000.")
    lag_seconds: float = Field(description="How long the oldest of these has waited.")
    sent_last_minute: int
    refused: int = Field(
        description="Refused because of a full backlog (limits.backlog), by this instance since its start."
    )
    ingest: IngestStats | None = Field(description="Null while NATS does not answer, or where it has no such stream.")


@routes.operation(
    "GET",
    "/v1/stats",
    "Counts and lag",
    {200: ResponseDoc("The numbers", Stats)},
    access=needs(Scope.READ_MESSAGES, of_fleet=True),
    problems=(503,),
)
async def read_stats(request: web.Request) -> web.Response:
    """Answer with counts that cost the same whatever there is."""
    ingest = await request.app[MEMBER].ingest_stream.figures()
    async with request.app[POOL].connection() as connection:
        ((late, lag, claimed, due_again, sent),) = await fetch_all(connection, __package__, "count_waiting")
        places = await _count_places(connection)
    counts = Counts(
        scheduled=max(0, places["due"] - claimed - due_again),
        sending=claimed,
        retrying=places["retries"] + due_again,
        sent=places["deliveries"],
        dead=places["dead_letters"],
        cancelled=places["cancellations"],
    )
    refused = int(request.app[METRICS].of_process.gather().total(_REFUSED))
    stats = Stats(
        counts=counts,
        late=late,
        lag_seconds=lag or 0.0,
        sent_last_minute=sent,
        refused=refused,
        ingest=None if ingest is None else IngestStats.model_validate(ingest),
    )
    return json_response(stats.document())


async def _count_places(connection: Connection) -> dict[str, int]:
    (counts,) = await fetch_all(connection, __package__, "count_places", {"bound": _BOUND})
    estimated: dict[str, int] = dict(await fetch_all(connection, __package__, "estimate_places"))
    return {
        place: count if count < _BOUND else max(count, estimated.get(place, 0))
        for place, count in zip(_PLACES, counts, strict=True)
    }
