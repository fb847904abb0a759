"""Accept many messages at once: one statement for all, and a bad one does not hold back the good ones."""

import asyncio
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from sendoff_domain.ids import format_message_id
from sendoff_http.accept.entry import Entry, Result, Stored, refusal
from sendoff_http.accept.idempotency import HEADER, idempotency_key
from sendoff_http.accept.message_input import MessageInput
from sendoff_http.accept.store import store_each
from sendoff_http.accept.wake_up import WAKE_UP
from sendoff_http.answers import json_answer
from sendoff_http.body import JSON, read_bytes, require_type
from sendoff_http.create_batch.items import MOST_ITEMS, Item, read_items
from sendoff_http.message_model import MessageId
from sendoff_http.metrics import METRICS
from sendoff_http.operations import Answer, Body, Routes
from sendoff_http.problems import ProblemError
from sendoff_http.resources import POOL, SETTINGS, database_now
from sendoff_http.validation import ApiModel

routes = Routes("Messages")

LINES = "application/x-ndjson"
_BODY_LIMIT = 64 * 1024 * 1024
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
    {202: Answer("Each item's id or error, in order", BatchResult)},
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
    items = await read_items(await read_bytes(request, _BODY_LIMIT), is_lines, key, database_now(request.app))
    entries = [item for item in items if isinstance(item, Entry)]
    results = await store_each(request.app[POOL], request.app[SETTINGS].partitions, entries) if entries else []
    request.app[WAKE_UP].stored(results)
    request.app[METRICS].accepted.inc(sum(isinstance(result, Stored) and not result.replayed for result in results))
    await asyncio.sleep(0)
    return json_answer({"data": _describe(items, results)}, 202)


def _describe(items: list[Item], results: list[Result | Exception]) -> list[dict[str, Any]]:
    of_entries = iter(results)
    described: list[dict[str, Any]] = []
    for index, item in enumerate(items):
        outcome = item if isinstance(item, ProblemError) else _outcome(item, next(of_entries))
        if isinstance(outcome, str):
            described.append({"index": index, "id": outcome})
        else:
            described.append({"index": index, "error": _describe_error(outcome)})
    return described


def _outcome(entry: Entry, result: Result | Exception) -> str | ProblemError:
    if isinstance(result, Stored):
        return format_message_id(result.message_id)
    if isinstance(result, Exception):
        return ProblemError(500, "internal_error", "the database refused this message")
    return refusal(result, entry)


def _describe_error(problem: ProblemError) -> dict[str, Any]:
    shown: dict[str, Any] = {"status": problem.status, "code": problem.code, "detail": problem.detail}
    if problem.errors:
        shown["errors"] = [error.document() for error in problem.errors]
    return shown
