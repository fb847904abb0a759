"""The AsyncAPI document: what goes over NATS."""

from typing import Any

import msgspec
from aiohttp import web

from sendoff_http.web.asyncapi import ASYNCAPI
from sendoff_http.web.operation import OPEN, ResponseDoc, Routes

routes = Routes("Description")


@routes.operation(
    "GET",
    "/asyncapi.json",
    "What Sendoff takes and tells over NATS",
    {200: ResponseDoc("The AsyncAPI 3.0 document", dict[str, Any])},
    access=OPEN,
)
async def read_asyncapi(request: web.Request) -> web.Response:
    """The document that was built at start."""
    return web.Response(body=msgspec.json.encode(request.app[ASYNCAPI]), content_type="application/json")
