"""Create a customer with its first signing key."""

import secrets
from typing import Any

from aiohttp import web
from pydantic import ConfigDict, Field

from sendoff_db.audit import audited
from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_one
from sendoff_domain.access import Scope
from sendoff_domain.signing_secret import format_secret
from sendoff_domain.validation_errors import FieldError
from sendoff_http.customers.merge_patch import merged
from sendoff_http.customers.model import Customer, CustomerInput, GivenSecret, NewCustomerId, describe_customer, key_of
from sendoff_http.customers.webhooks import refuse_forbidden_url
from sendoff_http.web.auditing import entry_of
from sendoff_http.web.body import JSON, read_json
from sendoff_http.web.etags import ETAG, etag
from sendoff_http.web.keys import BACKLOGS, KEY_CIPHER, MEMBER, POOL
from sendoff_http.web.operation import Body, ResponseDoc, Routes, needs
from sendoff_http.web.problems import ProblemError, invalid
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import validate
from sendoff_webhooks.customer import columns_of
from sendoff_webhooks.customer_rows import StoredCustomer, find_customer, insert_customer
from sendoff_webhooks.keys.signing_keys import add_first_key

routes = Routes("Customers")

_ID_BYTES = 12


def _nullable(schema: dict[str, Any]) -> None:
    for name, known in schema["properties"].items():
        if name not in schema["required"] and {"type": "null"} not in known.get("anyOf", ()):
            said = {key: known.pop(key) for key in ("default", "description", "title") if key in known}
            schema["properties"][name] = {"anyOf": [known, {"type": "null"}], **said}


class NewCustomer(CustomerInput):
    """A customer to be created; null means the default."""

    model_config = ConfigDict(json_schema_extra=_nullable)

    id: NewCustomerId | None = Field(default=None, description="Made up (`cus_...`) if not given.")
    secret: GivenSecret | None = Field(default=None, description="The first signing key; made up if not given.")


class CreatedCustomer(Customer):
    """The customer, and this once its secret."""

    secret: str = Field(description="Signs its webhook requests. It is not shown again; rotate it if it gets lost.")


_EXAMPLES = {
    "short": {"webhookUrl": "https://example.org/hook"},
    "long": {
        "id": "acme",
        "name": "Acme Ltd",
        "webhookUrl": "https://example.org/hook",
        "headers": {"X-Team": "parcels"},
        "timeout": "10s",
        "retry": {"attempts": 5, "first": "10s"},
        "responseRule": {"statuses": ["200"]},
        "limits": {"rate": 50, "per": "1s", "concurrency": 10},
    },
}


@routes.operation(
    "POST",
    "/v1/customers",
    "Create a customer",
    {
        201: ResponseDoc(
            "The customer and its secret",
            CreatedCustomer,
            headers={"Location": "Where to read it", **ETAG},
        )
    },
    access=needs(Scope.CUSTOMERS, of_fleet=True),
    problems=(400, 409, 413, 415, 422, 503),
    body=Body({JSON: NewCustomer}, _EXAMPLES),
)
async def create_customer(request: web.Request) -> web.Response:
    """Answer once it is stored: messages for it are accepted from then on."""
    new = await _read(request)
    await refuse_forbidden_url(request.app, new.webhook_url)
    customer_id = new.id or f"cus_{secrets.token_hex(_ID_BYTES)}"
    row, key = await _store(request, customer_id, new)
    request.app[BACKLOGS].forget(customer_id)
    request.app[MEMBER].publisher.customer_changed(customer_id)
    headers = {"Location": f"/v1/customers/{customer_id}", "ETag": etag(row.version)}
    return json_response({**describe_customer(row), "secret": format_secret(key)}, 201, headers)


async def _read(request: web.Request) -> NewCustomer:
    body = await read_json(request)
    if not isinstance(body, dict):
        raise invalid([FieldError("", "expected a JSON object")])
    return validate(NewCustomer, merged(NewCustomer, {}, body))


async def _store(request: web.Request, customer_id: str, new: NewCustomer) -> tuple[StoredCustomer, bytes]:
    async with request.app[POOL].connection() as connection, audited(connection) as audit:
        if new.events_of is not None:
            await _require_ordinary(connection, new.events_of)
        if not await insert_customer(connection, columns_of(customer_id, new), request.app[KEY_CIPHER]):
            raise _exists(customer_id)
        key = await add_first_key(connection, request.app[KEY_CIPHER], customer_id, key_of(new.secret))
        row = await find_customer(connection, customer_id)
        audit.append(entry_of(request, "customer.create", customer_id, customer=customer_id))
    if row is None:
        raise _exists(customer_id)  # somebody has deleted it already
    return row, key


async def _require_ordinary(connection: Connection, customer_id: str) -> None:
    """Raise ProblemError 422 unless there is a customer of that id, who gets no events itself.

    It can't be deleted before the transaction ends.
    """
    kept = await fetch_one(connection, __package__, "keep_customer", {"id": customer_id})
    if kept is None:
        raise invalid([FieldError("/eventsOf", f"there is no customer {customer_id!r}", "unknown_customer")])
    if kept[0] is not None:
        raise invalid([FieldError("/eventsOf", "expected a customer that gets no events itself")])


def _exists(customer_id: str) -> ProblemError:
    return ProblemError(409, "customer_exists", f"there is a customer {customer_id!r} already")
