"""List customers by their ids."""

from aiohttp import web
from pydantic import Field

from sendoff_db.sql import fetch_all_as
from sendoff_domain.access import Scope
from sendoff_domain.texts import match_customer_id
from sendoff_http.customers.model import Customer, describe_customer
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.pagination import PageQuery, cut_page, decode_position, encode_position, no_such_cursor
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel, read_query
from sendoff_webhooks.customer_rows import StoredCustomer

routes = Routes("Customers")

_KIND = "c"


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
    access=needs(Scope.CUSTOMERS),
    problems=(422, 503),
    query=CustomerQuery,
)
async def list_customers(request: web.Request) -> web.Response:
    """Answer with one page; no secret is in it."""
    query = read_query(request, CustomerQuery)
    after = "" if query.cursor is None else _decode(query.cursor)
    values = {"after": after, "paused": query.paused, "only": request[CALLER].customer, "limit": query.limit + 1}
    async with request.app[POOL].connection() as connection:
        rows = await fetch_all_as(connection, __package__, "list_customers", values, kind=StoredCustomer)
    shown, next_cursor = cut_page(rows, query.limit, lambda row: encode_position(_KIND, row.id.encode()))
    return json_response({"data": [describe_customer(row) for row in shown], "nextCursor": next_cursor})


def _decode(cursor: str) -> str:
    """The id of the customer that the cursor stands behind; raises ProblemError 422."""
    customer_id = decode_position(_KIND, cursor).decode("ascii", "replace")
    if match_customer_id(customer_id) is None:
        raise no_such_cursor()
    return customer_id
