"""Change a customer by a merge patch (RFC 7396); one statement decides who comes first."""

from collections.abc import Set
from typing import Any

import msgspec
from aiohttp import web
from pydantic import Field

from sendoff_db.pool import Connection
from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.breaker import BreakerPolicy
from sendoff_domain.limits import Limits
from sendoff_domain.response_rule.rule import ResponseRule
from sendoff_domain.texts import DEFAULT_CUSTOMER
from sendoff_domain.validation_errors import FieldError
from sendoff_http.customers.changes import Document, merged, write_customer
from sendoff_http.customers.model import Customer, CustomerFields, Name, Timeout, WebhookUrl
from sendoff_http.customers.rows import CustomerRow, describe_customer, find_customer, given_fields, stored_values
from sendoff_http.customers.webhooks import refuse_forbidden_url
from sendoff_http.web.body import BODY_LIMIT, JSON, parse_body, read_bytes, require_type
from sendoff_http.web.etags import ETAG, HEADER, etag, read_expected, require_expected
from sendoff_http.web.keys import MEMBER, POOL
from sendoff_http.web.operation import Body, ResponseDoc, Routes
from sendoff_http.web.paths import customer_id_of
from sendoff_http.web.problems import ProblemError, invalid, no_such_customer, overloaded
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel, validate

routes = Routes("Customers")

_MERGE_PATCH = "application/merge-patch+json"
#: Who always comes second is told so in the end.
_TRIES = 10


class CustomerPatch(ApiModel):
    """What to change: what is absent stays, null brings back the default, also for a key inside of a section."""

    name: Name | None = None
    webhook_url: WebhookUrl | None = Field(default=None, description="It has no default, so null is refused.")
    headers: dict[str, str | None] | None = Field(default=None, description="Header by header; null takes one away.")
    timeout: Timeout | None = None
    connect_timeout: Timeout | None = None
    retry: RetryStrategy | None = None
    response_rule: ResponseRule | None = None
    limits: Limits | None = None
    breaker: BreakerPolicy | None = None


@routes.operation(
    "PATCH",
    "/v1/customers/{id}",
    "Change a customer",
    {200: ResponseDoc("The customer as it is now", Customer, headers=ETAG)},
    problems=(400, 404, 409, 412, 413, 415, 422, 503),
    body=Body(
        {JSON: CustomerPatch, _MERGE_PATCH: CustomerPatch},
        {"elsewhere": {"webhookUrl": "https://example.org/new"}, "slower": {"limits": {"rate": 5, "per": "1s"}}},
    ),
    headers=HEADER,
)
async def update_customer(request: web.Request) -> web.Response:
    """Answer with the changed customer; all instances use it within two seconds."""
    customer_id, expected = customer_id_of(request), read_expected(request)
    patch = await _read_patch(request)
    if customer_id == DEFAULT_CUSTOMER:
        raise _configured()
    for _ in range(_TRIES):
        row, changed = await _try(request, customer_id, expected, patch)
        if row is not None:
            if changed:
                request.app[MEMBER].customer_changed(customer_id)
            return json_response(describe_customer(row), headers={"ETag": etag(row.version)})
    raise overloaded("the customer is being changed by others all the time; try again")


async def _read_patch(request: web.Request) -> Document:
    require_type(request, (JSON, _MERGE_PATCH))
    patch = parse_body(await read_bytes(request, BODY_LIMIT))
    if not isinstance(patch, dict):
        raise invalid([FieldError("", "expected a JSON object")])
    return patch


async def _try(
    request: web.Request, customer_id: str, expected: Set[int] | None, patch: Document
) -> tuple[CustomerRow | None, bool]:
    """The customer as it is in the end, None if somebody else came first; and whether anything is new."""
    async with request.app[POOL].connection() as connection:
        row = await find_customer(connection, customer_id)
    if row is None:
        raise no_such_customer(customer_id)
    require_expected(expected, row.version)
    before = given_fields(row)
    fields = validate(CustomerFields, merged(CustomerFields, before, patch))
    values = stored_values(customer_id, fields)
    if _same(values, stored_values(customer_id, validate(CustomerFields, before))):
        return row, False
    if fields.webhook_url != row.webhook_url:
        await refuse_forbidden_url(request.app, fields.webhook_url)
    async with request.app[POOL].connection() as connection:
        return await _write(connection, {**values, "version": row.version}), True


async def _write(connection: Connection, values: dict[str, Any]) -> CustomerRow | None:
    async with connection.transaction():
        if await write_customer(connection, __package__, "update_customer", values) is None:
            return None
        return await find_customer(connection, values["id"])


def _same(values: Document, others: Document) -> bool:
    """As JSON: to Python true is 1, and 1.0 is too."""
    return msgspec.json.encode(values) == msgspec.json.encode(others)


def _configured() -> ProblemError:
    detail = (
        "the default customer follows config.yaml at every start: change it there (webhook, retry, limits, breaker),"
        " or create a customer of its own"
    )
    return ProblemError(409, "customer_configured", detail)
