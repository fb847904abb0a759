"""List messages, newest first."""

from aiohttp import web
from pydantic import Field

from sendoff_domain.access import Scope
from sendoff_domain.ids import created_at
from sendoff_domain.times import format_moment
from sendoff_http.messages.model import Message
from sendoff_http.messages.search import KIND, ListQuery, find_page
from sendoff_http.web.documents import ShownMoment
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.pagination import encode_cursor
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel, read_query
from sendoff_intake.message_rows import describe_row

routes = Routes("Messages")


class MessagePage(ApiModel):
    """Messages, newest first. A page can hold fewer than the limit; the list ends where nextCursor is null."""

    data: list[Message]
    next_cursor: str | None = Field(description="For the next page; null at the end.")
    searched_to: ShownMoment | None = Field(
        description="All that was created later was looked at; null at the end, where everything was."
    )


@routes.operation(
    "GET",
    "/v1/messages",
    "List messages, newest first",
    {200: ResponseDoc("One page", MessagePage)},
    access=needs(Scope.READ_MESSAGES),
    problems=(422, 503),
    query=ListQuery,
)
async def list_messages(request: web.Request) -> web.Response:
    """Answer with one page."""
    caller, query = request[CALLER], read_query(request, ListQuery)
    query = query.model_copy(update={"customer": caller.narrow(query.customer)})
    async with request.app[POOL].connection() as connection:
        page = await find_page(connection, query, bound=caller.customer is not None)
    last = page.last_id
    return json_response(
        {
            "data": [describe_row(row) for row in page.rows],
            "nextCursor": None if last is None else encode_cursor(KIND, last),
            "searchedTo": None if last is None else format_moment(created_at(last)),
        }
    )
