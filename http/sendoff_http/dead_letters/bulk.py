"""Act on many dead letters, selected by the filters of the list, in steps of short transactions."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import Field

from sendoff_db.pool import Pool
from sendoff_db.sql import Row, fetch_all
from sendoff_http.dead_letters.selection import Selection
from sendoff_http.web.body import JSON, read_model
from sendoff_http.web.documents import ResponseModel
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import Body
from sendoff_http.web.responses import json_response

#: One transaction takes so many: a lock is held for milliseconds, whatever there is to do.
_STEP = 500
#: One request takes so many; `remaining` tells whether to ask again.
_MOST = 10_000

#: Acts on the dead letters of these ids, and returns on how many it did.
Act = Callable[[Sequence[UUID]], Awaitable[int]]


class BulkResult(ResponseModel):
    """How many dead letters it was about."""

    matched: int = Field(description="How many fitted when the request began.")
    done: int = Field(description="How many were resent or purged; 0 with dryRun.")
    remaining: int = Field(description=f"How many are left: one request takes at most {_MOST}.")


SELECTION_BODY = Body(
    {JSON: Selection},
    {"count": {"reason": "exhausted", "dryRun": True}, "of one customer": {"customer": "acme"}, "all": {"all": True}},
)


async def act_on_selection(request: web.Request, act: Act, *, resendable: bool = False) -> web.Response:
    """Read the selection in the body, act on it unless it is a dry run, and answer with a BulkResult.

    If they are to be `resendable`, dead letters whose customers were deleted are not among them.
    """
    selection = await read_model(request, Selection)
    customer = request[CALLER].narrow(selection.customer)
    pool, values = request.app[POOL], {**selection.values(), "customer": customer, "resendable": resendable}
    ((matched,),) = await _fetch(pool, "count_dead_letters", values)
    done = 0 if selection.dry_run else await _act_in_steps(pool, values, act)
    result = BulkResult(matched=matched, done=done, remaining=max(0, matched - done))
    return json_response(result.document())


async def _act_in_steps(pool: Pool, values: dict[str, Any], act: Act) -> int:
    done = 0
    high = values["high"]
    for _ in range(_MOST // _STEP):
        found = await _fetch(pool, "pick_dead_letters", {**values, "high": high, "limit": _STEP})
        if not found:
            break
        done += await act([message_id for (message_id,) in found])
        high = found[-1][0]  # what dies again in the meantime is not taken twice
    return done


async def _fetch(pool: Pool, statement: str, values: dict[str, Any]) -> list[Row]:
    async with pool.connection() as connection:
        return await fetch_all(connection, __package__, statement, values)
