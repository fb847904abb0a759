"""Send many dead letters again, or delete them, by the filters of the list."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import Field

from sendoff_db.pool import Pool
from sendoff_db.sql import read_statement
from sendoff_http.dead_letters.model import Selection
from sendoff_http.messages.resending import resend
from sendoff_http.web.body import JSON, read_model
from sendoff_http.web.keys import POOL, SETTINGS
from sendoff_http.web.operation import Body, ResponseDoc, Routes
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel

routes = Routes("Dead letters")
_PACKAGE = "sendoff_http.dead_letters"
#: One transaction takes so many: a lock is held for milliseconds, whatever there is to do.
_STEP = 500
#: One request takes so many; `remaining` tells whether to ask again.
_MOST = 10_000


class BulkResult(ApiModel):
    """How many dead letters it was about."""

    matched: int = Field(description="How many fitted when the request began.")
    done: int = Field(description="How many were resent or purged; 0 with dryRun.")
    remaining: int = Field(description=f"How many are left: one request takes at most {_MOST}.")


_BODY = Body({JSON: Selection}, {"count": {"reason": "exhausted", "dryRun": True}})


@routes.operation(
    "POST",
    "/v1/dead-letters/resend",
    "Send many dead letters again",
    {200: ResponseDoc("How many", BulkResult)},
    problems=(400, 413, 415, 422, 503),
    body=_BODY,
)
async def resend_dead_letters(request: web.Request) -> web.Response:
    """Answer once they are due again."""
    pool, partitions = request.app[POOL], request.app[SETTINGS].partitions

    async def act(ids: Sequence[UUID]) -> int:
        return await resend(pool, partitions, ids, only_dead=True)

    return await _answer(request, act)


@routes.operation(
    "POST",
    "/v1/dead-letters/purge",
    "Delete many dead letters",
    {200: ResponseDoc("How many", BulkResult)},
    problems=(400, 413, 415, 422, 503),
    body=_BODY,
)
async def purge_dead_letters(request: web.Request) -> web.Response:
    """Answer once they are gone for good."""
    pool = request.app[POOL]

    async def act(ids: Sequence[UUID]) -> int:
        return len(await _fetch(pool, "delete_dead_letters", {"ids": list(ids)}))

    return await _answer(request, act)


async def _answer(request: web.Request, act: Callable[[Sequence[UUID]], Awaitable[int]]) -> web.Response:
    selection = await read_model(request, Selection)
    pool, values = request.app[POOL], selection.values()
    matched: int = (await _fetch(pool, "count_dead_letters", values))[0][0]
    done = 0 if selection.dry_run else await _act_in_steps(pool, values, act)
    return json_response({"matched": matched, "done": done, "remaining": max(0, matched - done)})


async def _act_in_steps(pool: Pool, values: dict[str, Any], act: Callable[[Sequence[UUID]], Awaitable[int]]) -> int:
    done = 0
    high = values["high"]
    for _ in range(_MOST // _STEP):
        found = await _fetch(pool, "pick_dead_letters", {**values, "high": high, "limit": _STEP})
        if not found:
            break
        done += await act([message_id for (message_id,) in found])
        high = found[-1][0]  # what dies again in the meantime is not taken twice
    return done


async def _fetch(pool: Pool, statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(read_statement(_PACKAGE, statement), values)
        return await cursor.fetchall()
