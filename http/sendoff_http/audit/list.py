"""List who did what, the latest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import Field

from sendoff_db.sql import fetch_all_as
from sendoff_domain.access import Scope
from sendoff_domain.texts import CustomerId, Remark
from sendoff_http.web.documents import ResponseModel, ShownMoment
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.pagination import (
    PageQuery,
    QueryMoment,
    cut_page,
    decode_position,
    encode_position,
    no_such_cursor,
)
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import read_query

routes = Routes("Audit")

_KIND = "a"
_ID_BYTES = 8


class AuditQuery(PageQuery):
    """Which deeds; all filters must fit."""

    actor: Remark | None = Field(default=None, description="Of this key, by its id, or whoever else acted.")
    action: Remark | None = Field(default=None, description="Such as `stop` or `customer.update`.")
    target: Remark | None = Field(default=None, description="To this: an id, or `global`.")
    customer: CustomerId | None = Field(default=None, description="About this customer.")
    happened_after: QueryMoment | None = Field(default=None, description="Then or later.")
    happened_before: QueryMoment | None = Field(default=None, description="Before.")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A row of `list_audit.sql`."""

    id: int
    happened_at: datetime
    actor: str
    action: str
    target: str
    customer: str | None
    request_id: str | None
    details: dict[str, Any]


class Deed(ResponseModel):
    """What somebody did."""

    id: int
    happened_at: ShownMoment
    actor: str = Field(description="A key's id, `anonymous`, a bus, `worker`, or who used the command line.")
    action: str
    target: str
    customer: str | None
    request_id: str | None
    details: dict[str, Any]


class AuditPage(ResponseModel):
    """What was done, the latest first; the list ends where nextCursor is null."""

    data: list[Deed]
    next_cursor: str | None


@routes.operation(
    "GET",
    "/v1/audit",
    "List who did what",
    {200: ResponseDoc("One page", AuditPage)},
    access=needs(Scope.ADMIN),
    problems=(422, 503),
    query=AuditQuery,
)
async def list_audit(request: web.Request) -> web.Response:
    """Answer with one page; it goes back a year."""
    query = read_query(request, AuditQuery)
    values = {
        **query.model_dump(exclude={"cursor", "limit"}),
        "customer": request[CALLER].narrow(query.customer),
        "bound": request[CALLER].customer,
        "before": None if query.cursor is None else _decode(query.cursor),
        "limit": query.limit + 1,
    }
    async with request.app[POOL].connection() as connection:
        rows = await fetch_all_as(connection, __package__, "list_audit", values, kind=AuditRow)
    shown, next_cursor = cut_page(rows, query.limit, lambda row: encode_position(_KIND, row.id.to_bytes(_ID_BYTES)))
    data = [Deed.model_validate(row) for row in shown]
    return json_response(AuditPage(data=data, next_cursor=next_cursor).document())


def _decode(cursor: str) -> int:
    """The row that the cursor stands behind; raises ProblemError 422."""
    position = decode_position(_KIND, cursor)
    if len(position) != _ID_BYTES or position[0] > 0x7F:
        raise no_such_cursor()
    return int.from_bytes(position)
