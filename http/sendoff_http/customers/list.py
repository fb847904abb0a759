"""List customers by their ids."""

import base64

from aiohttp import web
from psycopg.rows import class_row
from pydantic import Field

from sendoff_db.sql import read_statement
from sendoff_domain.texts import match_customer_id
from sendoff_domain.validation_errors import FieldError
from sendoff_http.customers.model import Customer, describe_customer
from sendoff_http.web.keys import POOL
from sendoff_http.web.operation import ResponseDoc, Routes
from sendoff_http.web.pagination import PageQuery
from sendoff_http.web.problems import invalid
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel, read_query
from sendoff_webhooks.stored_customers import StoredCustomer

routes = Routes("Customers")


class CustomerPage(ApiModel):
    """Customers by their ids; the list ends where nextCursor is null."""

    data: list[Customer]
    next_cursor: str | None


class CustomerQuery(PageQuery):
    """Which customers."""

    paused: bool | None = Field(default=None, description="Only those that are paused, or only those that are not.")


@routes.operation(
    "GET",
    "/v1/customers",
    "List customers",
    {200: ResponseDoc("One page", CustomerPage)},
    problems=(422, 503),
    query=CustomerQuery,
)
async def list_customers(request: web.Request) -> web.Response:
    """Answer with one page; no secret is in it."""
    query = read_query(request, CustomerQuery)
    after = "" if query.cursor is None else _decode(query.cursor)
    async with (
        request.app[POOL].connection() as connection,
        connection.cursor(row_factory=class_row(StoredCustomer)) as cursor,
    ):
        await cursor.execute(
            read_statement(__package__, "list_customers"),
            {"after": after, "paused": query.paused, "limit": query.limit + 1},
        )
        rows = await cursor.fetchall()
    shown = rows[: query.limit]
    next_cursor = _encode(shown[-1].id) if len(rows) > query.limit else None
    return json_response({"data": [describe_customer(row) for row in shown], "nextCursor": next_cursor})


def _encode(customer_id: str) -> str:
    return base64.urlsafe_b64encode(b"c" + customer_id.encode()).decode().rstrip("=")


def _decode(text: str) -> str:
    try:
        position = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:  # binascii's errors and UnicodeDecodeError are ValueErrors
        position = ""
    if position[:1] != "c" or match_customer_id(position[1:]) is None:
        raise invalid([FieldError("?cursor", "expected the nextCursor of the page before")])
    return position[1:]
