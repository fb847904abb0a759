"""Delete one dead letter."""

from aiohttp import web

from sendoff_db.audit import audited
from sendoff_domain.access import Scope
from sendoff_http.dead_letters.model import no_such_dead_letter
from sendoff_http.web.auditing import entry_of
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import message_id_of
from sendoff_intake.moves.dead_letters import delete_dead_letters

routes = Routes("Dead letters")


@routes.operation(
    "DELETE",
    "/v1/dead-letters/{id}",
    "Delete a dead letter",
    {204: ResponseDoc("It is gone")},
    access=needs(Scope.DEAD_LETTERS),
    problems=(404, 503),
)
async def delete_dead_letter(request: web.Request) -> web.Response:
    """Answer 204 once it is gone for good."""
    message_id = message_id_of(request)
    async with request.app[POOL].connection() as connection, audited(connection) as audit:
        deleted = await delete_dead_letters(connection, [message_id], request[CALLER].customer)
        if not deleted:
            raise no_such_dead_letter(request.match_info["id"])
        audit.append(entry_of(request, "dead-letter.delete", request.match_info["id"], customer=deleted[0]))
    return web.Response(status=204)
