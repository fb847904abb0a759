"""Pause and resume one customer: a stop and a start of its own scope, decided in PostgreSQL."""

from aiohttp import web
from pydantic import Field

from sendoff_domain.access import Scope
from sendoff_domain.control import Action, Command
from sendoff_domain.errors import UnknownScopeError
from sendoff_domain.texts import Remark
from sendoff_http.customers.model import Customer, describe_customer
from sendoff_http.web.body import JSON, read_optional_model
from sendoff_http.web.etags import ETAG, etag
from sendoff_http.web.keys import CALLER, MEMBER, POOL, REQUEST_ID
from sendoff_http.web.operation import Body, ResponseDoc, Routes, needs
from sendoff_http.web.paths import customer_id_of
from sendoff_http.web.problems import no_such_customer
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel
from sendoff_webhooks.customer_rows import StoredCustomer, find_customer

routes = Routes("Customers")


class PauseInput(ApiModel):
    """Why; a body is not needed."""

    reason: Remark | None = Field(default=None, description="For whoever looks later.")


_PROBLEMS = (400, 404, 413, 415, 422, 503)
_ANSWER = {200: ResponseDoc("The customer as it is now", Customer, headers=ETAG)}
_BODY = Body({JSON: PauseInput}, {"maintenance": {"reason": "their maintenance"}}, required=False)


@routes.operation(
    "POST",
    "/v1/customers/{id}/pause",
    "Hold a customer's messages",
    _ANSWER,
    access=needs(Scope.CUSTOMERS, Scope.CONTROL),
    problems=_PROBLEMS,
    body=_BODY,
)
async def pause_customer(request: web.Request) -> web.Response:
    """Answer once it is decided: from then on none of its messages is claimed. Nothing is lost, no attempt is spent."""
    return await _command(request, Action.STOP)


@routes.operation(
    "POST",
    "/v1/customers/{id}/resume",
    "Let a customer's messages go",
    _ANSWER,
    access=needs(Scope.CUSTOMERS, Scope.CONTROL),
    problems=_PROBLEMS,
    body=_BODY,
)
async def resume_customer(request: web.Request) -> web.Response:
    """Answer once it is decided; what is due goes out at once."""
    return await _command(request, Action.START)


async def _command(request: web.Request, action: Action) -> web.Response:
    customer_id = customer_id_of(request)
    remark = await read_optional_model(request, PauseInput)
    member = request.app[MEMBER]
    actor, request_id = request[CALLER].id, request[REQUEST_ID]
    command = Command(action, scope=customer_id, reason=remark.reason, actor=actor, request_id=request_id)
    try:
        await member.command(command, "http")
    except UnknownScopeError:
        raise no_such_customer(customer_id) from None
    member.publisher.customer_changed(customer_id)
    row = await _existing(request, customer_id)
    return json_response(describe_customer(row), headers={"ETag": etag(row.version)})


async def _existing(request: web.Request, customer_id: str) -> StoredCustomer:
    async with request.app[POOL].connection() as connection:
        row = await find_customer(connection, customer_id)
    if row is None:
        raise no_such_customer(customer_id)
    return row
