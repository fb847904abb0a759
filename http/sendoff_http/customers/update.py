"""Change a customer by a merge patch (RFC 7396); one statement decides who comes first."""

from collections.abc import Set
from typing import Any

import msgspec
from aiohttp import web
from pydantic import ConfigDict, Field

from sendoff_db.audit import AuditEntry, audited
from sendoff_db.pool import Connection
from sendoff_domain.access import Scope
from sendoff_domain.errors import DecryptionError
from sendoff_domain.event_receivers import EVENTS_CUSTOMER
from sendoff_domain.json_pointer import format_pointer
from sendoff_domain.texts import DEFAULT_CUSTOMER
from sendoff_domain.validation_errors import FieldError
from sendoff_domain.webhook_headers import kept_credentials
from sendoff_domain.webhook_url import WebhookUrl, have_same_origin
from sendoff_http.customers.merge_patch import merged
from sendoff_http.customers.model import Customer, CustomerInput, describe_customer
from sendoff_http.customers.webhooks import refuse_forbidden_url
from sendoff_http.web.auditing import entry_of
from sendoff_http.web.body import BODY_LIMIT, JSON, parse_body, read_kept_bytes, require_type
from sendoff_http.web.etags import ETAG, HEADER, etag, read_expected, require_expected
from sendoff_http.web.keys import BACKLOGS, KEY_CIPHER, MEMBER, POOL
from sendoff_http.web.operation import Body, ResponseDoc, Routes, needs
from sendoff_http.web.paths import customer_id_of
from sendoff_http.web.problems import ProblemError, invalid, no_such_customer, overloaded
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import validate
from sendoff_webhooks import customer_rows
from sendoff_webhooks.customer import Columns, CustomerFields, Document, columns_of, given_document
from sendoff_webhooks.customer_rows import StoredCustomer, find_customer
from sendoff_webhooks.keys.encryption import KeyCipher
from sendoff_webhooks.sealed_headers import open_headers

routes = Routes("Customers")

_MERGE_PATCH = "application/merge-patch+json"
#: Who always comes second is told so in the end.
_TRIES = 10


def _nullable(schema: dict[str, Any]) -> None:
    """In a patch nothing is required, and null brings back the default."""
    schema.pop("required", None)
    for name, known in schema["properties"].items():
        known.pop("default", None)
        if {"type": "null"} not in known.get("anyOf", ()):
            said = {key: known.pop(key) for key in ("description", "title") if key in known}
            schema["properties"][name] = {"anyOf": [known, {"type": "null"}], **said}


class CustomerPatch(CustomerFields):
    """What to change: what is absent stays, null brings back the default, also for a key inside of a section."""

    model_config = ConfigDict(json_schema_extra=_nullable)

    webhook_url: WebhookUrl | None = Field(default=None, description="It has no default, so null is refused.")
    headers: dict[str, str | None] = Field(  # type: ignore[assignment]  # described so, and validated once it is merged
        default_factory=dict, description="Header by header; null takes one away."
    )


@routes.operation(
    "PATCH",
    "/v1/customers/{id}",
    "Change a customer",
    {200: ResponseDoc("The customer as it is now", Customer, headers=ETAG)},
    access=needs(Scope.CUSTOMERS),
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
    if customer_id in (DEFAULT_CUSTOMER, EVENTS_CUSTOMER):
        raise _configured(customer_id)
    for _ in range(_TRIES):
        row, changed = await _try(request, customer_id, expected, patch)
        if row is not None:
            if changed:
                request.app[BACKLOGS].forget(customer_id)
                request.app[MEMBER].publisher.customer_changed(customer_id)
            return json_response(describe_customer(row), headers={"ETag": etag(row.version)})
    raise overloaded("the customer is being changed by others all the time; try again")


async def _read_patch(request: web.Request) -> Document:
    require_type(request, (JSON, _MERGE_PATCH))
    patch = parse_body(await read_kept_bytes(request, BODY_LIMIT))
    if not isinstance(patch, dict):
        raise invalid([FieldError("", "expected a JSON object")])
    return patch


async def _try(
    request: web.Request, customer_id: str, expected: Set[int] | None, patch: Document
) -> tuple[StoredCustomer | None, bool]:
    """The customer as it is in the end, None if another change came first; and whether anything is new."""
    async with request.app[POOL].connection() as connection:
        stored = await find_customer(connection, customer_id)
    if stored is None:
        raise no_such_customer(customer_id)
    require_expected(expected, stored.version)
    given = given_document(_opened(request.app[KEY_CIPHER], stored, patch))
    before = validate(CustomerInput, given)
    fields = validate(CustomerInput, merged(CustomerInput, given, patch))
    columns = columns_of(customer_id, fields)
    changed = _changed(columns, columns_of(customer_id, before))
    if "events_of" in changed:
        raise invalid(
            [FieldError("/eventsOf", "expected what it is: it can't be changed, only given to a new customer")]
        )
    if not changed:
        return stored, False
    if fields.webhook_url != before.webhook_url:
        _require_credentials_anew(before, fields, patch)
        await refuse_forbidden_url(request.app, fields.webhook_url, customer_id)
    async with request.app[POOL].connection() as connection:
        entry = entry_of(request, "customer.update", customer_id, customer=customer_id, changed=changed)
        return await _write(connection, request.app[KEY_CIPHER], (columns, stored), entry), True


def _opened(key_cipher: KeyCipher, stored: StoredCustomer, patch: Document) -> Columns:
    """The stored columns with readable headers; one that does not open may be given anew or dropped.

    Raises ProblemError 409 if the patch does neither.
    """
    try:
        return open_headers(stored.columns, key_cipher)
    except DecryptionError as error:
        given = patch.get("headers", {})
        replaced = {name.lower() for name in (stored.columns["headers"] if given is None else given)}
        try:
            return open_headers(stored.columns, key_cipher, but=replaced)
        except DecryptionError:
            raise ProblemError(409, "secret_unreadable", str(error)) from None


async def _write(
    connection: Connection, key_cipher: KeyCipher, change: tuple[Columns, StoredCustomer], entry: AuditEntry
) -> StoredCustomer | None:
    columns, stored = change
    async with audited(connection) as audit:
        if not await customer_rows.update_customer(connection, columns, stored, key_cipher):
            return None
        audit.append(entry)
        return await find_customer(connection, columns["id"])


def _require_credentials_anew(before: CustomerInput, fields: CustomerInput, patch: Document) -> None:
    """Raise ProblemError 422 if credentials meant for one origin would be sent to another one unasked."""
    if have_same_origin(before.webhook_url, fields.webhook_url):
        return
    expected = (
        "expected this header's value anew, or null: webhookUrl leads to another origin, which it was not given for"
    )
    kept = kept_credentials(fields.headers, patch.get("headers") or {})
    if kept:
        raise invalid([FieldError(format_pointer(("headers", name)), expected) for name in kept])


def _changed(values: Columns, others: Columns) -> list[str]:
    """The names of the columns that differ as JSON: to Python true is 1, and 1.0 is too."""
    encode = msgspec.json.encode
    return [name for name, value in values.items() if encode(value) != encode(others[name])]


def _configured(customer_id: str) -> ProblemError:
    detail = (
        f"the {customer_id} customer follows config.yaml at every start: change it there"
        " (webhook, events.webhook, retry, limits, breaker), or create a customer of its own"
    )
    return ProblemError(409, "customer_configured", detail)
