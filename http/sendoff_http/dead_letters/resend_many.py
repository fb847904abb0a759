"""Send many dead letters again."""

from collections.abc import Sequence
from uuid import UUID

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_http.dead_letters.bulk import SELECTION_BODY, BulkResult, act_on_selection
from sendoff_http.messages.resending import resend
from sendoff_http.web.auditing import entry_of
from sendoff_http.web.keys import CALLER, POOL, SETTINGS
from sendoff_http.web.operation import ResponseDoc, Routes, needs

routes = Routes("Dead letters")


@routes.operation(
    "POST",
    "/v1/dead-letters/resend",
    "Send many dead letters again",
    {200: ResponseDoc("How many", BulkResult)},
    access=needs(Scope.DEAD_LETTERS),
    problems=(400, 413, 415, 422, 503),
    body=SELECTION_BODY,
)
async def resend_dead_letters(request: web.Request) -> web.Response:
    """Answer once they are due again; those whose customers were deleted do not count and stay."""
    pool, partitions = request.app[POOL], request.app[SETTINGS].partitions
    entry, customer = entry_of(request, "dead-letters.resend", "selection"), request[CALLER].customer

    async def act(ids: Sequence[UUID]) -> int:
        return await resend(pool, partitions, ids, entry, customer=customer, only_dead=True)

    return await act_on_selection(request, act, resendable=True)
