"""Delete many dead letters."""

from collections.abc import Sequence
from uuid import UUID

from aiohttp import web

from sendoff_db.audit import audited
from sendoff_db.sql import fetch_all
from sendoff_domain.access import Scope
from sendoff_http.dead_letters.bulk import SELECTION_BODY, BulkResult, act_on_selection
from sendoff_http.web.auditing import entry_of
from sendoff_http.web.keys import POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs

routes = Routes("Dead letters")


@routes.operation(
    "POST",
    "/v1/dead-letters/purge",
    "Delete many dead letters",
    {200: ResponseDoc("How many", BulkResult)},
    access=needs(Scope.DEAD_LETTERS),
    problems=(400, 413, 415, 422, 503),
    body=SELECTION_BODY,
)
async def purge_dead_letters(request: web.Request) -> web.Response:
    """Answer once they are gone for good."""
    pool = request.app[POOL]

    async def act(ids: Sequence[UUID]) -> int:
        async with pool.connection() as connection, audited(connection) as audit:
            deleted = await fetch_all(connection, __package__, "delete_dead_letters", {"ids": list(ids)})
            customers = {customer for (customer,) in deleted}
            customer = customers.pop() if len(customers) == 1 else None
            if deleted:
                audit.append(
                    entry_of(request, "dead-letters.purge", "selection", customer=customer, count=len(deleted))
                )
        return len(deleted)

    return await act_on_selection(request, act)
