"""Give a customer a new signing key, while the old ones stay valid for a grace period."""

from datetime import datetime, timedelta
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, Field

from sendoff_config.settings import Settings
from sendoff_db.audit import audited
from sendoff_db.sql import fetch_all
from sendoff_domain.access import Scope
from sendoff_domain.event_receivers import EVENTS_CUSTOMER
from sendoff_domain.signing_secret import format_secret
from sendoff_domain.texts import DEFAULT_CUSTOMER
from sendoff_domain.times import Duration, format_duration, format_optional
from sendoff_http.customers.model import GivenSecret, key_of
from sendoff_http.web.auditing import entry_of
from sendoff_http.web.body import JSON, read_optional_model
from sendoff_http.web.documents import ShownMoment
from sendoff_http.web.keys import KEY_CIPHER, MEMBER, POOL, SETTINGS
from sendoff_http.web.operation import Body, ResponseDoc, Routes, needs
from sendoff_http.web.paths import customer_id_of
from sendoff_http.web.problems import ProblemError, no_such_customer
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel
from sendoff_webhooks.keys.signing_keys import rotate_key

routes = Routes("Customers")

_LONGEST_GRACE = timedelta(days=7)


def _checked_grace(value: timedelta) -> timedelta:
    if value > _LONGEST_GRACE:
        raise ValueError("expected a duration between 0s and 7d")
    return value


class Rotation(ApiModel):
    """The new secret, and how long the old ones go on signing beside it."""

    secret: GivenSecret | None = Field(default=None, description="Made up if not given; given, it is safe to repeat.")
    grace: Annotated[Duration, AfterValidator(_checked_grace)] = Field(
        default=timedelta(hours=24), description="0s to 7d; until then each request has a signature for every key."
    )


class RotatedSecret(ApiModel):
    """The new secret, this once."""

    secret: str = Field(description="Signs from now on. It is not shown again.")
    previous_expires_at: ShownMoment | None = Field(
        description="When the last of the old ones ends; null: none is left."
    )


@routes.operation(
    "POST",
    "/v1/customers/{id}/rotate-secret",
    "Give a customer a new signing key",
    {200: ResponseDoc("The new secret", RotatedSecret)},
    access=needs(Scope.CUSTOMERS),
    problems=(400, 404, 409, 413, 415, 422, 503),
    body=Body({JSON: Rotation}, {"slowly": {"grace": "7d"}, "leaked": {"grace": "0s"}}, required=False),
)
async def rotate_secret(request: web.Request) -> web.Response:
    """Answer once the new key is stored; all instances sign with it within two seconds."""
    customer_id = customer_id_of(request)
    rotation = await read_optional_model(request, Rotation)
    _refuse_configured(request.app[SETTINGS], customer_id)
    key, expires_at = await _rotate(request, customer_id, rotation)
    request.app[MEMBER].publisher.customer_changed(customer_id)
    return json_response({"secret": format_secret(key), "previousExpiresAt": format_optional(expires_at)})


def _refuse_configured(settings: Settings, customer_id: str) -> None:
    """Raise ProblemError 409 if the customer's secret is in config.yaml."""
    configured = {
        DEFAULT_CUSTOMER: ("webhook.secret", settings.webhook.secret),
        EVENTS_CUSTOMER: ("events.webhook.secret", settings.events.webhook.secret),
    }
    key, secret = configured.get(customer_id, ("", None))
    if secret is not None:
        detail = f"the {customer_id} customer's secret is {key} of config.yaml: change it there"
        raise ProblemError(409, "customer_configured", detail)


async def _rotate(request: web.Request, customer_id: str, rotation: Rotation) -> tuple[bytes, datetime | None]:
    given = key_of(rotation.secret)
    async with request.app[POOL].connection() as connection, audited(connection) as audit:
        key = await rotate_key(connection, request.app[KEY_CIPHER], customer_id, given, grace=rotation.grace)
        if key is None:
            raise no_such_customer(customer_id)
        grace = format_duration(rotation.grace)
        audit.append(entry_of(request, "customer.rotate-secret", customer_id, customer=customer_id, grace=grace))
        ((expires_at,),) = await fetch_all(connection, __package__, "read_last_expiry", {"id": customer_id})
    return key, expires_at
