"""Stop the fleet, or one customer."""

from aiohttp import web

from sendoff_domain.access import Scope
from sendoff_domain.control import Action
from sendoff_http.fleet.command import COMMAND_OPTIONS, COMMAND_RESPONSES, command_fleet
from sendoff_http.web.operation import Routes, needs

routes = Routes("Scheduler")


@routes.operation(
    "POST",
    "/v1/scheduler/stop",
    "Stop the fleet",
    COMMAND_RESPONSES,
    access=needs(Scope.CONTROL),
    **COMMAND_OPTIONS,
)
async def stop_scheduler(request: web.Request) -> web.Response:
    """Answer once it is decided: from then on nothing can be claimed any more."""
    return await command_fleet(request, Action.STOP)
