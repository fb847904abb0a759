"""Start and stop the fleet; 202 means that PostgreSQL has decided and the buses carry it."""

from aiohttp import web

from sendoff_domain.control import Action, Command
from sendoff_http.fleet.model import (
    LONGEST_WAIT,
    CommandInput,
    CommandResult,
    Fleet,
    WaitQuery,
    describe_fleet,
)
from sendoff_http.web.body import JSON, read_optional_model
from sendoff_http.web.keys import MEMBER
from sendoff_http.web.operation import Body, ResponseDoc, Routes
from sendoff_http.web.problems import FieldError, invalid
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import read_query

routes = Routes("Scheduler")

_PROBLEMS = (400, 413, 415, 422, 503)
_BODY = Body({JSON: CommandInput}, {"maintenance": {"reason": "maintenance", "requestedBy": "jane"}}, required=False)
_RESULT = {202: ResponseDoc("What became of the command", CommandResult)}


@routes.operation(
    "POST", "/v1/scheduler/start", "Start the fleet", _RESULT, problems=_PROBLEMS, body=_BODY, query=WaitQuery
)
async def start_scheduler(request: web.Request) -> web.Response:
    """Answer once it is decided, or with `wait` once every live instance has applied it."""
    return await _command(request, Action.START)


@routes.operation(
    "POST", "/v1/scheduler/stop", "Stop the fleet", _RESULT, problems=_PROBLEMS, body=_BODY, query=WaitQuery
)
async def stop_scheduler(request: web.Request) -> web.Response:
    """Answer once it is decided: from then on nothing can be claimed any more."""
    return await _command(request, Action.STOP)


@routes.operation(
    "GET", "/v1/scheduler", "See what the fleet does", {200: ResponseDoc("The fleet", Fleet)}, problems=(503,)
)
async def read_scheduler(request: web.Request) -> web.Response:
    """Answer with what is desired and who has applied it."""
    return json_response(describe_fleet(await request.app[MEMBER].fleet()))


async def _command(request: web.Request, action: Action) -> web.Response:
    wait = read_query(request, WaitQuery).wait
    if wait is not None and wait > LONGEST_WAIT:
        raise invalid([FieldError("?wait", f"expected at most {LONGEST_WAIT.seconds}s")])
    wish = await read_optional_model(request, CommandInput)
    member = request.app[MEMBER]
    command = Command(action, wish.command_id, wish.scope, wish.reason, wish.requested_by, wish.ttl)
    decision = await member.command(command, "http")
    converged = None if wait is None else await member.wait_for_acks(decision, wait)
    return json_response(
        {
            "commandId": decision.command_id,
            "scope": decision.scope,
            "status": decision.status,
            "revision": decision.revision,
            "epoch": decision.epoch,
            "desired": decision.desired,
            "converged": converged,
        },
        202,
    )
