"""Accept many messages at once: one transaction for all, and a bad one does not hold back the good ones."""

import asyncio
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from sendoff_config.tracing.tracer import MESSAGES
from sendoff_domain.access import Scope
from sendoff_domain.validation_errors import FieldError
from sendoff_http.messages.accepting import STATUSES
from sendoff_http.messages.batch_items import MOST_ITEMS, Item, read_items
from sendoff_http.messages.model import MessageId
from sendoff_http.web.body import JSON, LINES, idempotency_key, read_bytes, require_type
from sendoff_http.web.keys import BATCH_MEMORY, CALLER, INTAKE, SPAN, SUBMISSION_READER, TRACE, TRACER
from sendoff_http.web.operation import Body, ResponseDoc, Routes, needs
from sendoff_http.web.responses import encode_json, raw_json_response
from sendoff_http.web.traces import TRACE_HEADERS, accept_in_span
from sendoff_http.web.validation import ApiModel
from sendoff_intake.message_input import MessageInput
from sendoff_intake.submission import Rejected, Result, Stored, Submission
from sendoff_intake.submission_reader import KEY_HEADER

routes = Routes("Messages")

BATCH_LIMIT = 64 * 1024 * 1024
#: What is kept of the items beside their body while they wait to be stored.
_SIZE_OF_ITEMS = 1024 * 1024
_DESCRIBED_PER_TURN = 1_000
#: So many items list their mistakes one by one; of the others `detail` tells the first and how many there are.
_MOST_LISTED = 200
_EXAMPLES = {
    "two": [{"to": "jane@example.org", "content": "now"}, {"to": "joe@example.org", "content": 1, "delay": "2m"}]
}


class ItemError(ApiModel):
    """Why an item was not accepted; the same words as in a problem document."""

    status: int
    code: str
    detail: str
    errors: list[FieldError] = Field(default_factory=list)


class BatchItem(ApiModel):
    """What became of one item: an id, or an error."""

    index: int = Field(ge=0)
    id: MessageId | None = None
    error: ItemError | None = None


class BatchResult(ApiModel):
    """What became of the items, in their order."""

    data: list[BatchItem]


@routes.operation(
    "POST",
    "/v1/messages/batch",
    f"Accept up to {MOST_ITEMS} messages",
    {202: ResponseDoc("Each item's id or error, in order", BatchResult)},
    access=needs(Scope.WRITE_MESSAGES),
    problems=(400, 413, 415, 422, 429, 503),
    body=Body(
        {JSON: Annotated[list[MessageInput], Field(max_length=MOST_ITEMS)], LINES: str},
        _EXAMPLES,
    ),
    headers={KEY_HEADER: "Sending the same batch with the same key again gives the same ids.", **TRACE_HEADERS},
)
async def create_batch(request: web.Request) -> web.StreamResponse:
    """Answer after the commit that holds all good items."""
    tracer = request.app[TRACER]
    return await (_accept(request) if tracer is None else accept_in_span(request, tracer, _accept))


async def _accept(request: web.Request) -> web.StreamResponse:
    is_lines = require_type(request, (JSON, LINES)) == LINES
    key = idempotency_key(request)
    reader, customer, trace = request.app[SUBMISSION_READER], request[CALLER].customer, request.get(TRACE)
    async with request.app[BATCH_MEMORY].reserved(_size(request) + _SIZE_OF_ITEMS):
        body = await read_bytes(request, BATCH_LIMIT)
        items = await read_items(body, key, reader, is_lines=is_lines, customer=customer, trace=trace)
        results = await request.app[INTAKE].store_batch(items)
        if SPAN in request:
            request[SPAN].describe({MESSAGES: sum(isinstance(result, Stored) for result in results)})
        return raw_json_response(await _describe(items.read, results), 202)


def _size(request: web.Request) -> int:
    """What the body takes in memory: all that is allowed if its head does not tell."""
    length = request.content_length
    told = BATCH_LIMIT if length is None or "Content-Encoding" in request.headers else length
    return min(told, BATCH_LIMIT)


async def _describe(items: list[Item], results: list[Result | Exception]) -> bytes:
    of_submissions = iter(results)
    described: list[str] = []
    listed = 0
    for index, item in enumerate(items):
        if index % _DESCRIBED_PER_TURN == 0:
            await asyncio.sleep(0)
        result = next(of_submissions) if isinstance(item, Submission) else item
        if isinstance(result, Stored):
            described.append(f'{{"index":{index},"id":"msg_{result.hex_id}"}}')
        else:
            error = _describe_error(result, listed < _MOST_LISTED)
            listed += "errors" in error
            described.append(f'{{"index":{index},"error":{encode_json(error).decode()}}}')
    return f'{{"data":[{",".join(described)}]}}'.encode()


def _describe_error(result: Rejected | Exception, is_listed: bool) -> dict[str, Any]:
    if isinstance(result, Exception):
        return {"status": 500, "code": "internal_error", "detail": "the database refused this message"}
    shown: dict[str, Any] = {"status": STATUSES[result.reason], "code": result.reason, "detail": result.detail}
    if result.errors and is_listed:
        shown["errors"] = [error.document() for error in result.errors]
    return shown
