"""For orchestrators: whether this process is alive."""

from typing import Literal

from aiohttp import web

from sendoff_http.web.documents import ResponseModel
from sendoff_http.web.operation import OPEN, ResponseDoc, Routes
from sendoff_http.web.responses import json_response

routes = Routes("Health")


class Alive(ResponseModel):
    """The event loop turns."""

    status: Literal["alive"]


@routes.operation("GET", "/health/live", "Is this process alive?", {200: ResponseDoc("It is", Alive)}, access=OPEN)
async def read_liveness(_: web.Request) -> web.Response:
    """Answer without asking any server."""
    return json_response(Alive(status="alive").document())
