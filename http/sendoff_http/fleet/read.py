"""Read what the fleet should do and what it does."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_http.fleet.model import Fleet, describe_fleet
from sendoff_http.web.keys import MEMBER
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.responses import json_response

routes = Routes("Scheduler")


@routes.operation(
    "GET",
    "/v1/scheduler",
    "See what the fleet does",
    {200: ResponseDoc("The fleet", Fleet)},
    access=needs(Scope.CONTROL, Scope.READ_MESSAGES, of_fleet=True),
    problems=(503,),
)
async def read_scheduler(request: web.Request) -> web.Response:
    """Answer with what is desired and who has applied it."""
    return json_response(describe_fleet(await request.app[MEMBER].fleet()))
