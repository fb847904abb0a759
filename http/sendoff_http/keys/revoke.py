"""Revoke an API key."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_http.keys.rows import Actor, find_key, revoke_key
from sendoff_http.web.key_cache import KEY_CACHE
from sendoff_http.web.keys import CALLER, POOL, REQUEST_ID
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import key_id_of
from sendoff_http.web.problems import no_such_key

routes = Routes("Keys")


@routes.operation(
    "DELETE",
    "/v1/keys/{id}",
    "Revoke an API key",
    {204: ResponseDoc("It works no more: here at once, in other API processes within two seconds")},
    access=needs(Scope.ADMIN),
    problems=(404, 503),
)
async def delete_key(request: web.Request) -> web.Response:
    """Answer 204 once it is revoked, also if it was before; it stays in the list."""
    caller, key_id = request[CALLER], key_id_of(request)
    async with request.app[POOL].connection() as connection:
        row = await find_key(connection, key_id, customer=caller.customer)
        if row is None:
            raise no_such_key(key_id)
        await revoke_key(connection, row, Actor(caller.id, request[REQUEST_ID]))
    request.app[KEY_CACHE].forget(key_id)
    return web.Response(status=204)
