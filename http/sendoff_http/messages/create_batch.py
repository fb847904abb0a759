"""Accept many messages at once: one statement for all, and a bad one does not hold back the good ones."""

import asyncio
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from sendoff_http.messages.batch_items import MOST_ITEMS, Item, Items, read_items
from sendoff_http.messages.model import MessageId
from sendoff_http.web.body import JSON, read_bytes, require_type
from sendoff_http.web.keys import POOL, SETTINGS
from sendoff_http.web.operation import Body, ResponseDoc, Routes
from sendoff_http.web.problems import ProblemError
from sendoff_http.web.request_metrics import METRICS
from sendoff_http.web.responses import encode_json, raw_json_response
from sendoff_http.web.validation import ApiModel
from sendoff_intake.idempotency import HEADER, idempotency_key
from sendoff_intake.message_input import MessageInput
from sendoff_intake.store import store_each
from sendoff_intake.store_batch import BATCHES, store_batch
from sendoff_intake.submission import Entry, Result, Stored, refusal
from sendoff_intake.submission_reader import ENTRY_MAKER
from sendoff_intake.wake_up import WAKE_UP

routes = Routes("Messages")

LINES = "application/x-ndjson"
_BODY_LIMIT = 64 * 1024 * 1024
_DESCRIBED_PER_TURN = 1_000
_EXAMPLES = {
    "two": [{"to": "jane@example.org", "content": "now"}, {"to": "joe@example.org", "content": 1, "delay": "2m"}]
}


class ItemErrorDetail(ApiModel):
    """One mistake in an item."""

    pointer: str
    detail: str
    code: str | None = None


class ItemError(ApiModel):
    """Why an item was not accepted; the same words as in a problem document."""

    status: int
    code: str
    detail: str
    errors: list[ItemErrorDetail] = Field(default_factory=list)


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
    problems=(400, 413, 415, 422, 503),
    body=Body(
        {JSON: Annotated[list[MessageInput], Field(max_length=MOST_ITEMS)], LINES: str},
        _EXAMPLES,
    ),
    headers={HEADER: "Sending the same batch with the same key again gives the same ids."},
)
async def create_batch(request: web.Request) -> web.Response:
    """Answer after the commit that holds all good items."""
    is_lines = require_type(request, (JSON, LINES)) == LINES
    key = idempotency_key(request)
    items = await read_items(await read_bytes(request, _BODY_LIMIT), is_lines, key, request.app[ENTRY_MAKER])
    results = await _store(request.app, items)
    request.app[WAKE_UP].stored(results)
    request.app[METRICS].accepted.inc(sum(isinstance(result, Stored) and not result.replayed for result in results))
    return raw_json_response(await _describe(items.made, results), 202)


async def _store(app: web.Application, items: Items) -> list[Result | Exception]:
    pool, partitions = app[POOL], app[SETTINGS].partitions
    async with app[BATCHES]:
        if items.is_one_chunk:
            return await store_each(pool, partitions, await items.next_chunk() or [])
        return await store_batch(pool, partitions, items.next_chunk)


async def _describe(items: list[Item], results: list[Result | Exception]) -> bytes:
    of_entries = iter(results)
    described: list[str] = []
    for index, item in enumerate(items):
        if index % _DESCRIBED_PER_TURN == 0:
            await asyncio.sleep(0)
        outcome = item if isinstance(item, ProblemError) else _outcome(item, next(of_entries))
        if isinstance(outcome, str):
            described.append(f'{{"index":{index},"id":"msg_{outcome}"}}')
        else:
            described.append(f'{{"index":{index},"error":{encode_json(_describe_error(outcome)).decode()}}}')
    return f'{{"data":[{",".join(described)}]}}'.encode()


def _outcome(entry: Entry, result: Result | Exception) -> str | ProblemError:
    if isinstance(result, Stored):
        return result.hex_id
    if isinstance(result, Exception):
        return ProblemError(500, "internal_error", "the database refused this message")
    return refusal(result, entry)


def _describe_error(problem: ProblemError) -> dict[str, Any]:
    shown: dict[str, Any] = {"status": problem.status, "code": problem.code, "detail": problem.detail}
    if problem.errors:
        shown["errors"] = [error.document() for error in problem.errors]
    return shown
