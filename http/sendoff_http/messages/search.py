"""Finds a page of messages in bounded time, however much there is.

A scan walks one index backwards, a bounded number of rows at a time: that of the place where messages of the wanted
status are, or that of the customer. What it finds is loaded, and filtered by the rest. A recipient has no index: a
search looks at more rows at a time and says itself how far it came.
"""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import Field

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all
from sendoff_domain.message import Status
from sendoff_domain.texts import CustomerId, Recipient
from sendoff_http.messages.rows import MessageRow, load_messages
from sendoff_http.web.pagination import CreatedQuery, QueryMoment

KIND = "m"
#: After this long a page is given as it is; its cursor goes on where the scan has come to.
_BUDGET_SECONDS = 0.03
_CHUNK = 500
#: How many messages a search looks at in one statement: about 4 ms. A customer's are spread over more pages.
_SEARCHED = 10_000
_SEARCHED_OF_CUSTOMER = 2_500
_TO = (
    "To exactly this recipient. Among very many messages the search takes several pages, also empty ones: go on while "
    "there is a nextCursor, or say when it was created."
)


class ListQuery(CreatedQuery):
    """Which messages; all filters must fit."""

    status: Status | None = Field(default=None, description="In this state now.")
    customer: CustomerId | None = Field(default=None, description="Of this customer.")
    to: Recipient | None = Field(default=None, description=_TO)
    sent_after: QueryMoment | None = Field(default=None, description="Sent then or later.")
    sent_before: QueryMoment | None = Field(default=None, description="Sent before.")


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, newest first, and the id behind which the next page starts."""

    rows: list[MessageRow]
    last_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Step:
    """What one statement found, and the id before which the next one begins (None: there is no more)."""

    ids: list[UUID]
    rest: UUID | None


async def find_page(connection: Connection, query: ListQuery, *, bound: bool = False) -> Page:
    """The next messages; there can be fewer than the limit although more follow (`last_id` tells).

    With `bound` only messages of the query's customer are looked at, so that no other's id gets into a cursor.
    """
    statement = choose_scan(query, bound=bound)
    step = _search if statement.startswith("search") else _scan
    low, high = query.id_range(KIND)
    filters = _filters(query)
    rows: list[MessageRow] = []
    deadline = time.monotonic() + _BUDGET_SECONDS
    wanted = query.limit + 1
    while True:
        found = await step(connection, statement, {**filters, "low": low, "high": high}, wanted)
        if found.ids:
            rows += await load_messages(connection, found.ids, **filters)
        if len(rows) > query.limit:
            return Page(rows[: query.limit], rows[query.limit - 1].message_id)
        if found.rest is None or time.monotonic() > deadline:
            return Page(rows, found.rest)
        high, wanted = found.rest, _CHUNK


async def _scan(connection: Connection, statement: str, values: dict[str, Any], wanted: int) -> _Step:
    scanned = await fetch_all(connection, __package__, statement, {**values, "chunk": wanted})
    return _Step([found for found, fits in scanned if fits], scanned[-1][0] if len(scanned) == wanted else None)


async def _search(connection: Connection, statement: str, values: dict[str, Any], wanted: int) -> _Step:
    chunk = _SEARCHED if values["customer"] is None else _SEARCHED_OF_CUSTOMER
    found = await fetch_all(connection, __package__, statement, {**values, "chunk": chunk, "enough": wanted})
    ids = [each for each, fits in found if fits]
    if len(ids) == wanted:
        return _Step(ids, ids[-1])
    return _Step(ids, next((each for each, fits in found if not fits), None))


def choose_scan(query: ListQuery, *, bound: bool = False) -> str:
    """The statement that walks the most selective index for these filters; with `bound` that of the customer."""
    if bound:
        return "scan_customer" if query.to is None else "search_recipient_of_customer"
    if query.to is not None and query.status in (None, Status.SENT, Status.SCHEDULED):
        return "search_recipient" if query.customer is None else "search_recipient_of_customer"
    if query.sent_after is not None or query.sent_before is not None:
        return "scan_sent"
    if query.customer is not None and query.status in (None, Status.SENT, Status.SCHEDULED):
        return "scan_customer"
    return "scan_messages" if query.status is None else _SCANS[query.status]


_SCANS = {
    Status.SCHEDULED: "scan_scheduled",
    Status.SENDING: "scan_sending",
    Status.RETRYING: "scan_retrying",
    Status.SENT: "scan_sent",
    Status.DEAD: "scan_dead",
    Status.CANCELLED: "scan_cancelled",
}


def _filters(query: ListQuery) -> dict[str, Any]:
    return {
        "status": query.status,
        "customer": query.customer,
        "recipient": query.to,
        "sent_from": query.sent_after,
        "sent_until": query.sent_before,
    }
