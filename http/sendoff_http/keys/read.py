"""Read one API key."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_http.keys.model import ApiKey, describe_key
from sendoff_http.keys.rows import find_key
from sendoff_http.web.keys import CALLER, POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import key_id_of
from sendoff_http.web.problems import no_such_key
from sendoff_http.web.responses import json_response

routes = Routes("Keys")


@routes.operation(
    "GET",
    "/v1/keys/{id}",
    "Read an API key",
    {200: ResponseDoc("The key", ApiKey)},
    access=needs(Scope.ADMIN),
    problems=(404, 503),
)
async def read_key(request: web.Request) -> web.Response:
    """Answer with the key; its secret is not in it."""
    key_id = key_id_of(request)
    async with request.app[POOL].connection() as connection:
        row = await find_key(connection, key_id, customer=request[CALLER].customer)
    if row is None:
        raise no_such_key(key_id)
    return json_response(describe_key(row))
