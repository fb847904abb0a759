"""Command the fleet, and answer with what became of the command."""

from aiohttp import web

from sendoff_domain.control import Action, Command
from sendoff_domain.errors import UnknownScopeError
from sendoff_domain.validation_errors import FieldError
from sendoff_http.fleet.model import LONGEST_WAIT, CommandInput, CommandResult, WaitQuery, describe_command
from sendoff_http.web.body import JSON, read_optional_model
from sendoff_http.web.keys import MEMBER
from sendoff_http.web.operation import Body, OperationOptions, ResponseDoc
from sendoff_http.web.problems import invalid
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import read_query

COMMAND_RESPONSES = {202: ResponseDoc("What became of the command", CommandResult)}
COMMAND_OPTIONS: OperationOptions = {
    "problems": (400, 413, 415, 422, 503),
    "body": Body(
        {JSON: CommandInput}, {"maintenance": {"reason": "maintenance", "requestedBy": "jane"}}, required=False
    ),
    "query": WaitQuery,
}


async def command_fleet(request: web.Request, action: Action) -> web.Response:
    """Answer 202 once PostgreSQL has decided, or with `wait` once every live instance has applied it."""
    wait = read_query(request, WaitQuery).wait
    if wait is not None and wait > LONGEST_WAIT:
        raise invalid([FieldError("?wait", f"expected at most {LONGEST_WAIT.seconds}s")])
    wish = await read_optional_model(request, CommandInput)
    member = request.app[MEMBER]
    command = Command(action, wish.command_id, wish.scope, wish.reason, wish.requested_by, wish.ttl)
    try:
        decision = await member.command(command, "http")
    except UnknownScopeError as error:
        raise invalid([FieldError("/scope", str(error), "unknown_customer")]) from None
    converged = None if wait is None else await member.wait_for_acks(decision, wait)
    return json_response(describe_command(decision, converged), 202)
