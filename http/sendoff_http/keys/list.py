"""List API keys, the newest first."""

from aiohttp import web
from pydantic import Field

from sendoff_domain.access import Scope
from sendoff_domain.ids import is_key_id
from sendoff_domain.texts import CustomerId
from sendoff_http.keys.model import ApiKey, describe_key
from sendoff_http.keys.rows import list_keys
from sendoff_http.web.documents import ResponseModel
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.pagination import PageQuery, cut_page, decode_position, encode_position, no_such_cursor
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import read_query

routes = Routes("Keys")

_KIND = "k"


class KeyQuery(PageQuery):
    """Which keys."""

    customer: CustomerId | None = Field(default=None, description="Of this customer.")


class KeyPage(ResponseModel):
    """Keys, the newest first, revoked ones among them; the list ends where nextCursor is null."""

    data: list[ApiKey]
    next_cursor: str | None


@routes.operation(
    "GET",
    "/v1/keys",
    "List API keys",
    {200: ResponseDoc("One page", KeyPage)},
    access=needs(Scope.ADMIN),
    problems=(422, 503),
    query=KeyQuery,
)
async def read_keys(request: web.Request) -> web.Response:
    """Answer with one page; no secret is in it. The keys of config.yaml are not listed."""
    query = read_query(request, KeyQuery)
    before = None if query.cursor is None else _decode(query.cursor)
    async with request.app[POOL].connection() as connection:
        rows = await list_keys(
            connection, customer=request[CALLER].narrow(query.customer), before=before, limit=query.limit + 1
        )
    shown, next_cursor = cut_page(rows, query.limit, lambda row: encode_position(_KIND, row.id.encode()))
    return json_response({"data": [describe_key(row) for row in shown], "nextCursor": next_cursor})


def _decode(cursor: str) -> str:
    """The id of the key that the cursor stands behind; raises ProblemError 422."""
    key_id = decode_position(_KIND, cursor).decode("ascii", "replace")
    if not is_key_id(key_id):
        raise no_such_cursor()
    return key_id
