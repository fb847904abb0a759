"""Command the fleet, and answer with what became of the command."""

from dataclasses import replace

from aiohttp import web

from sendoff_domain.access import Caller
from sendoff_domain.control import GLOBAL_SCOPE, Action, Command
from sendoff_domain.errors import UnknownScopeError
from sendoff_domain.validation_errors import FieldError
from sendoff_http.fleet.model import LONGEST_WAIT, CommandInput, CommandResult, WaitQuery, describe_command
from sendoff_http.web.authentication import bound_key
from sendoff_http.web.body import JSON, read_optional_model
from sendoff_http.web.keys import CALLER, MEMBER, REQUEST_ID
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
    caller, member = request[CALLER], request.app[MEMBER]
    command = Command(
        action,
        _command_id(caller, wish.command_id),
        wish.scope,
        wish.reason,
        wish.requested_by,
        wish.ttl,
        actor=caller.id,
        request_id=request[REQUEST_ID],
    )
    try:
        _require_scope(caller, wish.scope)
        decision = await member.command(command, "http")
    except UnknownScopeError as error:
        raise invalid([FieldError("/scope", str(error), "unknown_customer")]) from None
    if wish.command_id is not None:
        decision = replace(decision, command_id=wish.command_id)
    converged = None if wait is None else await member.wait_for_acks(decision, wait)
    return json_response(describe_command(decision, converged), 202)


def _require_scope(caller: Caller, scope: str) -> None:
    """Raise ProblemError 403 if a key of one customer commands the fleet; to it, another customer does not exist."""
    if caller.narrow(scope) != scope:
        if scope == GLOBAL_SCOPE:
            raise bound_key(caller, "this is about the whole fleet: name a customer as scope")
        raise UnknownScopeError(f"there is no customer {scope!r}")


def _command_id(caller: Caller, given: str | None) -> str | None:
    """The id to record: that of a key of one customer tells nothing of another's command of the same id."""
    return given if given is None or caller.customer is None else f"{caller.customer}/{given}"
