"""For orchestrators: whether this process is alive, and whether it can serve."""

from typing import Literal

from aiohttp import web

from sendoff_http.operations.probes import probe_all
from sendoff_http.web.keys import POOL, SETTINGS
from sendoff_http.web.operation import ResponseDoc, Routes
from sendoff_http.web.problems import ProblemError
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel

routes = Routes("Health")


class Alive(ApiModel):
    """The event loop turns."""

    status: Literal["alive"]


class Ready(ApiModel):
    """What this process can reach; only PostgreSQL is needed to accept messages."""

    status: Literal["ready"]
    postgres: Literal["up"]
    redis: Literal["up", "down", "off"]
    nats: Literal["up", "down", "off"]


@routes.operation("GET", "/health/live", "Is this process alive?", {200: ResponseDoc("It is", Alive)}, open=True)
async def read_liveness(_: web.Request) -> web.Response:
    """Answer without asking anybody."""
    return json_response({"status": "alive"})


@routes.operation(
    "GET", "/health/ready", "Can this process serve?", {200: ResponseDoc("It can", Ready)}, problems=(503,), open=True
)
async def read_readiness(request: web.Request) -> web.Response:
    """Answer 200 when PostgreSQL answers and has all migrations, else 503."""
    found = await probe_all(request.app[SETTINGS], request.app[POOL])
    if found["postgres"] != "up":
        detail = {"outdated": "the database lacks migrations or is newer than this version"}
        raise ProblemError(
            503,
            "not_ready",
            detail.get(found["postgres"], "PostgreSQL does not answer"),
            headers={"Retry-After": "1"},
            extra={"servers": found},
        )
    return json_response({"status": "ready", **found})
