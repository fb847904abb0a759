"""Finds a page of messages in bounded time, however much there is.

A scan walks one index backwards, a bounded number of rows at a time: that of the place where messages of the wanted
status are, or that of the recipient or the customer. What it finds is loaded, and filtered by the rest.
"""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import Field

from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.message import Status
from sendoff_http.lists import CreatedQuery, CustomerText, QueryMoment
from sendoff_http.message_rows import MessageRow, load_messages

KIND = "m"
#: After this long a page is given as it is; its cursor goes on where the scan has come to.
_BUDGET_SECONDS = 0.03
_CHUNK = 500


class ListQuery(CreatedQuery):
    """Which messages; all filters must fit."""

    status: Status | None = Field(default=None, description="In this state now.")
    customer: CustomerText | None = Field(default=None, description="Of this customer.")
    to: str | None = Field(
        default=None, min_length=1, max_length=256, pattern=r"^[^\x00]*$", description="To exactly this recipient."
    )
    sent_after: QueryMoment | None = Field(default=None, description="Sent then or later.")
    sent_before: QueryMoment | None = Field(default=None, description="Sent before.")


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, newest first, and the id behind which the next page starts."""

    rows: list[MessageRow]
    last_id: UUID | None


async def find_page(connection: Connection, query: ListQuery) -> Page:
    """The next messages; there can be fewer than the limit although more follow (`last_id` tells)."""
    statement = read_statement("sendoff_http.list_messages", choose_scan(query))
    low, high = query.id_range(KIND)
    filters = _filters(query)
    rows: list[MessageRow] = []
    deadline = time.monotonic() + _BUDGET_SECONDS
    chunk = query.limit + 1
    while True:
        cursor = await connection.execute(statement, {**filters, "low": low, "high": high, "chunk": chunk})
        scanned = await cursor.fetchall()
        rows += await load_messages(connection, [found for found, fits in scanned if fits], **filters)
        if len(rows) > query.limit:
            return Page(rows[: query.limit], rows[query.limit - 1].message_id)
        if len(scanned) < chunk:
            return Page(rows, None)
        high = scanned[-1][0]
        if time.monotonic() > deadline:
            return Page(rows, high)
        chunk = _CHUNK


def choose_scan(query: ListQuery) -> str:
    """The statement that walks the most selective index for these filters."""
    if query.to is not None:
        return "scan_recipient"
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
