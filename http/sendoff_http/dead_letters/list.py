"""List dead letters, newest message first."""

from aiohttp import web

from sendoff_db.index_order import in_index_order
from sendoff_db.sql import fetch_all_as
from sendoff_domain.access import Scope
from sendoff_http.dead_letters.model import KIND, DeadLetterPage, DeadLetterQuery, DeadLetterRow, describe_row
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.pagination import cut_page, encode_cursor
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import read_query

routes = Routes("Dead letters")


@routes.operation(
    "GET",
    "/v1/dead-letters",
    "List dead letters, newest message first",
    {200: ResponseDoc("One page", DeadLetterPage)},
    access=needs(Scope.DEAD_LETTERS, Scope.READ_MESSAGES),
    problems=(422, 503),
    query=DeadLetterQuery,
)
async def list_dead_letters(request: web.Request) -> web.Response:
    """Answer with one page."""
    query = read_query(request, DeadLetterQuery)
    values = {**query.values(), "customer": request[CALLER].narrow(query.customer), "limit": query.limit + 1}
    statement = _choose_statement(query, values["customer"])
    async with request.app[POOL].connection() as connection, in_index_order(connection):
        rows = await fetch_all_as(connection, __package__, statement, values, kind=DeadLetterRow)
    shown, next_cursor = cut_page(rows, query.limit, lambda row: encode_cursor(KIND, row.message_id))
    return json_response({"data": [describe_row(row) for row in shown], "nextCursor": next_cursor})


def _choose_statement(query: DeadLetterQuery, customer: str | None) -> str:
    """The one that walks the most selective index."""
    if query.reference is not None:
        return "list_dead_letters_of_reference"
    if query.to is not None:
        return "list_dead_letters_of_recipient"
    return "list_dead_letters" if customer is None else "list_dead_letters_of_customer"
