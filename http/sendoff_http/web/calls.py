"""Calls operations of the API from within its own process: what the admin pages show and do is what the API does.

An operation called so validates, refuses, writes and audits as it does for a request that comes over the network.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web
from yarl import URL

from sendoff_domain.exact_numbers import read_number
from sendoff_http.web.authentication import require_access
from sendoff_http.web.body import JSON
from sendoff_http.web.keys import BODY, CALLER
from sendoff_http.web.middleware import attach
from sendoff_http.web.operation import ACCESS
from sendoff_http.web.responses import QuickResponse

_read = json.JSONDecoder(parse_float=read_number).decode


@dataclass(frozen=True, slots=True)
class Reply:
    """What an operation answered: never a problem, which is raised."""

    status: int
    headers: Mapping[str, str]
    document: Any


async def call_operation(
    request: web.Request, method: str, url: URL, *, document: Any = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """Call an operation as the caller of that request, with a JSON body unless `document` is None.

    Raises whatever the operation raises, such as ProblemError; 403 if the caller lacks its scope.
    """
    body = b"" if document is None else msgspec.json.encode(document)
    inner = _inner_request(request, method, url, body=body, headers=headers or {})
    app = request.app
    match = await app.router.resolve(inner)
    attach(app, inner, match)
    access = app[ACCESS].get(match.handler)
    if access is not None:
        require_access(request[CALLER], access)
    response = await match.handler(inner)
    answer = response.body if isinstance(response, web.Response | QuickResponse) else None
    return Reply(response.status, response.headers, _decode(answer) if isinstance(answer, bytes) and answer else None)


def _inner_request(
    request: web.Request, method: str, url: URL, *, body: bytes, headers: Mapping[str, str]
) -> web.Request:
    """The same request by the same caller, for something else and with another body, which counts as read."""
    given = {"Host": request.headers.get("Host", ""), "Content-Length": str(len(body)), **headers}
    inner = request.clone(method=method, rel_url=url, headers={**given, "Content-Type": JSON} if body else given)
    inner[BODY] = body
    return inner


def _decode(body: bytes) -> Any:
    """A document of ours; numbers of a message's content keep their digits."""
    return _read(body.decode())
