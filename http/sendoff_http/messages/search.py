"""Finds a page of messages in bounded time, however much there is.

A scan walks one index backwards, a bounded number of rows at a time: that of the reference, of the place where
messages of the wanted status are, or of the customer. What it finds is loaded, and filtered by the rest. No index leads
to a recipient or to metadata: a search looks at more rows at a time and says itself how far it came.
"""

import time
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from sendoff_db.index_order import in_index_order
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all
from sendoff_domain.message import Status
from sendoff_domain.texts import CustomerId, Recipient, Reference
from sendoff_domain.webhook_request import metadata_member, read_payload
from sendoff_http.web.pagination import CreatedQuery, QueryMoment
from sendoff_intake.message_rows import MessageRow, load_messages

KIND = "m"
#: After this long a page is given as it is; its cursor goes on where the scan has come to.
_BUDGET_SECONDS = 0.03
#: A search for metadata looks at whole payloads and may take longer, so that it often comes to its end.
_SEARCH_BUDGET_SECONDS = 0.06
_CHUNK = 500
#: How many messages a search looks at in one statement: about 4 ms, with payloads 10. A customer's are spread over more
#: pages.
_SEARCHED = 10_000
_SEARCHED_PAYLOADS = 5_000
_SEARCHED_OF_CUSTOMER = 2_500
#: So many members of metadata may be asked for, and such long ones.
_MOST_MEMBERS, _LONGEST_KEY, _LONGEST_VALUE = 5, 128, 512
_METADATA = (
    "With exactly this metadata, each member as a parameter of its own: `metadata.orderId=4711`. What follows the "
    f"first dot is the key; at most {_MOST_MEMBERS} members. As with `to`, the search may take several pages."
)
_METADATA_SCHEMA = {
    "type": "object",
    "patternProperties": {rf"^metadata\.[\s\S]{{0,{_LONGEST_KEY}}}$": {"type": "string", "maxLength": _LONGEST_VALUE}},
    "additionalProperties": False,
    "maxProperties": _MOST_MEMBERS,
    "examples": [{"metadata.orderId": "4711"}],
}
#: What LIKE would not take for itself.
_ESCAPES = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})
_TO = (
    "To exactly this recipient. Among very many messages the search takes several pages, also empty ones: go on while "
    "there is a nextCursor, or say when it was created."
)


class ListQuery(CreatedQuery):
    """Which messages; all filters must fit."""

    prefixed: ClassVar[frozenset[str]] = frozenset({"metadata"})

    status: Status | None = Field(default=None, description="In this state now.")
    customer: CustomerId | None = Field(default=None, description="Of this customer.")
    to: Recipient | None = Field(default=None, description=_TO)
    reference: Reference | None = Field(default=None, description="With exactly this reference.")
    metadata: Annotated[dict[str, str], WithJsonSchema(_METADATA_SCHEMA)] = Field(
        default_factory=dict, description=_METADATA
    )
    sent_after: QueryMoment | None = Field(default=None, description="Sent then or later.")
    sent_before: QueryMoment | None = Field(default=None, description="Sent before.")

    @field_validator("metadata")
    @classmethod
    def _short(cls, metadata: dict[str, str]) -> dict[str, str]:
        if len(metadata) > _MOST_MEMBERS:
            raise PydanticCustomError("size", f"expected at most {_MOST_MEMBERS} members, got {len(metadata)}")
        if any(len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE for key, value in metadata.items()):
            sizes = f"{_LONGEST_KEY} characters and values of at most {_LONGEST_VALUE}"
            raise PydanticCustomError("size", f"expected keys of at most {sizes}")
        return metadata


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

    With `bound` only a message of the query's customer gets into a cursor. So where the messages of a reference are
    nearly all of others, those of the customer are walked through instead.
    """
    page = await _walk(connection, query, choose_scan(query, bound=bound))
    is_foreign = page.last_id is not None and page.last_id not in {row.message_id for row in page.rows}
    if bound and query.reference is not None and is_foreign:
        return await _walk(connection, query, "search_messages_of_customer")
    return page


async def _walk(connection: Connection, query: ListQuery, statement: str) -> Page:
    step = _search if statement.startswith("search") else _scan
    low, high = query.id_range(KIND)
    filters = _filters(query)
    rows: list[MessageRow] = []
    deadline = time.monotonic() + (_SEARCH_BUDGET_SECONDS if query.metadata else _BUDGET_SECONDS)
    wanted = query.limit + 1
    while True:
        found = await step(connection, statement, {**filters, "low": low, "high": high}, wanted)
        if found.ids:
            loaded = await load_messages(connection, found.ids, **filters)
            rows += [row for row in loaded if _has(row, query.metadata)]
        if len(rows) > query.limit:
            return Page(rows[: query.limit], rows[query.limit - 1].message_id)
        if found.rest is None or time.monotonic() > deadline:
            return Page(rows, found.rest)
        high, wanted = found.rest, _CHUNK


def _has(row: MessageRow, metadata: dict[str, str]) -> bool:
    """Whether the message has this metadata, and not only the same text somewhere in its content."""
    return not metadata or metadata.items() <= read_payload(row.payload)[1].items()


async def _scan(connection: Connection, statement: str, values: dict[str, Any], wanted: int) -> _Step:
    async with _ordered(connection, statement):
        scanned = await fetch_all(connection, __package__, statement, {**values, "chunk": wanted})
    return _Step([found for found, fits in scanned if fits], scanned[-1][0] if len(scanned) == wanted else None)


async def _search(connection: Connection, statement: str, values: dict[str, Any], wanted: int) -> _Step:
    searched = _SEARCHED if values["patterns"] is None else _SEARCHED_PAYLOADS
    chunk = searched if values["customer"] is None else _SEARCHED_OF_CUSTOMER
    async with _ordered(connection, statement):
        found = await fetch_all(connection, __package__, statement, {**values, "chunk": chunk, "enough": wanted})
    ids = [each for each, fits in found if fits]
    if len(ids) == wanted:
        return _Step(ids, ids[-1])
    return _Step(ids, next((each for each, fits in found if not fits), None))


def _ordered(connection: Connection, statement: str) -> AbstractAsyncContextManager[None]:
    return in_index_order(connection) if statement in _OF_ONE_VALUE else nullcontext()


def choose_scan(query: ListQuery, *, bound: bool = False) -> str:
    """The statement that walks the most selective index for these filters; with `bound` that of the customer."""
    is_search = query.to is not None or bool(query.metadata)
    if query.reference is not None:
        return "scan_dead_reference" if query.status is Status.DEAD else "scan_reference"
    if bound:
        return "search_messages_of_customer" if is_search else "scan_customer"
    if is_search and query.status in (None, Status.SENT, Status.SCHEDULED):
        return "search_messages" if query.customer is None else "search_messages_of_customer"
    if query.sent_after is not None or query.sent_before is not None:
        return "scan_sent"
    if query.customer is not None and query.status in (None, Status.SENT, Status.SCHEDULED):
        return "scan_customer"
    return "scan_messages" if query.status is None else _SCANS[query.status]


#: Those that walk an index in which the rows of one value stand in the order of the list. The others must be free to
#: sort: of messages that were sent in a short time long ago, say.
_OF_ONE_VALUE = {"scan_reference", "scan_dead_reference", "scan_customer", "search_messages_of_customer"}
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
        "reference": query.reference,
        "patterns": [_pattern(key, value) for key, value in query.metadata.items()] or None,
        "sent_from": query.sent_after,
        "sent_until": query.sent_before,
    }


def _pattern(key: str, value: str) -> str:
    """What LIKE finds in every payload that has this member of metadata.

    Without the quote at its beginning: LIKE stops at every character like the first, and JSON is full of quotes.
    """
    return "%" + metadata_member(key, value)[1:].translate(_ESCAPES) + "%"
