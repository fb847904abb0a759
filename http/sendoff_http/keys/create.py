"""Make an API key."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.validation_errors import FieldError
from sendoff_http.keys.model import CreatedKey, NewKey, describe_key, is_past
from sendoff_http.keys.rows import Actor, KeyRow, add_key, find_key
from sendoff_http.web.body import JSON, read_model
from sendoff_http.web.keys import CALLER, POOL, REQUEST_ID, database_now
from sendoff_http.web.operation import Body, ResponseDoc, Routes, needs
from sendoff_http.web.problems import invalid, overloaded
from sendoff_http.web.responses import json_response

routes = Routes("Keys")

_EXAMPLES = {
    "a program that sends": {"name": "shop", "scopes": ["messages:write"], "customer": "acme", "rate": 100},
    "a person on call": {"name": "jane", "role": "operator", "expiresAt": "2999-12-31T00:00:00Z"},
}


@routes.operation(
    "POST",
    "/v1/keys",
    "Make an API key",
    {201: ResponseDoc("The key and its secret", CreatedKey, headers={"Location": "Where to read it"})},
    access=needs(Scope.ADMIN),
    problems=(400, 413, 415, 422, 503),
    body=Body({JSON: NewKey}, _EXAMPLES),
)
async def create_key(request: web.Request) -> web.Response:
    """Answer once it is stored. A key of one customer makes keys of that customer only."""
    new = await read_model(request, NewKey)
    if is_past(new.expires_at, database_now(request.app)):
        raise invalid([FieldError("/expiresAt", "expected a moment in the future")])
    row, secret = await _store(request, new)
    headers = {"Location": f"/v1/keys/{row.id}", "Cache-Control": "no-store"}
    return json_response({**describe_key(row), "secret": secret}, 201, headers)


async def _store(request: web.Request, new: NewKey) -> tuple[KeyRow, str]:
    caller = request[CALLER]
    policy = new.model_copy(update={"customer": caller.narrow(new.customer)})
    async with request.app[POOL].connection() as connection:
        made = await add_key(connection, policy, new.expires_at, Actor(caller.id, request[REQUEST_ID]))
        if made is None:
            unknown = f"there is no customer {new.customer!r}"
            raise invalid([FieldError("/customer", unknown, "unknown_customer")])
        key_id, secret = made
        row = await find_key(connection, key_id)
    if row is None:
        raise overloaded("the key's customer was deleted just now")
    return row, secret
