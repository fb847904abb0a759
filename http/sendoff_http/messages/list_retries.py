"""List what waits for its next attempt, the next one first."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiohttp import web
from pydantic import Field

from sendoff_db.sql import Row, fetch_all
from sendoff_domain.access import Scope
from sendoff_domain.ids import format_message_id
from sendoff_domain.texts import CustomerId
from sendoff_http.messages.model import LastError, MessageId
from sendoff_http.web.documents import ResponseModel, ShownMoment
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.pagination import (
    FIRST_ID,
    PageQuery,
    cut_page,
    decode_cursor,
    encode_cursor,
    no_such_cursor,
)
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import read_query
from sendoff_intake.message_rows import MessageRow, last_error, load_messages

routes = Routes("Retries")

_KIND = "r"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Retry(ResponseModel):
    """A message that waits for its next attempt."""

    id: MessageId
    customer: str
    to: str
    next_attempt_at: ShownMoment
    attempts: int = Field(description="Attempts made so far, of the current generation.")
    last_error: LastError | None


class RetryQuery(PageQuery):
    """Which retries."""

    customer: CustomerId | None = Field(default=None, description="Of this customer.")


class RetryPage(ResponseModel):
    """Retries, the next one first; the list ends where nextCursor is null."""

    data: list[Retry]
    next_cursor: str | None


@routes.operation(
    "GET",
    "/v1/retries",
    "List what waits for its next attempt",
    {200: ResponseDoc("One page", RetryPage)},
    access=needs(Scope.READ_MESSAGES),
    problems=(422, 503),
    query=RetryQuery,
)
async def list_retries(request: web.Request) -> web.Response:
    """Answer with one page."""
    query = read_query(request, RetryQuery)
    customer = request[CALLER].narrow(query.customer)
    after, moment = (FIRST_ID, 0) if query.cursor is None else decode_cursor(_KIND, query.cursor)
    values = {"after": after, "moment": _moment_of(moment), "limit": query.limit + 1}
    async with request.app[POOL].connection() as connection:
        if customer is None:
            found = await fetch_all(connection, __package__, "list_retries", values)
        else:
            found = await fetch_all(
                connection, __package__, "list_retries_of_customer", {**values, "customer": customer}
            )
        shown, next_cursor = cut_page(found, query.limit, _cursor_behind)
        wanted: dict[UUID, datetime] = dict(shown)
        rows = await load_messages(connection, list(wanted))
    # One that was claimed in between is no retry any more.
    waiting = sorted((row for row in rows if row.status == "retrying"), key=lambda row: wanted[row.message_id])
    page = RetryPage(data=[_describe(row, wanted[row.message_id]) for row in waiting], next_cursor=next_cursor)
    return json_response(page.document())


def _moment_of(microseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise no_such_cursor() from None


def _cursor_behind(row: Row) -> str:
    message_id, moment = row
    return encode_cursor(_KIND, message_id, (moment - _EPOCH) // timedelta(microseconds=1))


def _describe(row: MessageRow, next_attempt_at: datetime) -> Retry:
    error = last_error(row)
    return Retry(
        id=format_message_id(row.message_id),
        customer=row.customer_id,
        to=row.recipient,
        next_attempt_at=next_attempt_at,
        attempts=row.attempts,
        last_error=None if error is None else LastError.model_validate(error),
    )
