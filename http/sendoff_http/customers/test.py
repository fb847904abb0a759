"""Try a customer's webhook: a signed test message goes out at once, and what came of it is shown."""

import os
from typing import Any

from aiohttp import web
from pydantic import Field

from sendoff_domain.access import Scope
from sendoff_domain.errors import DecryptionError
from sendoff_domain.ids import hex_uuid7
from sendoff_domain.outcome import Delivered, ErrorClass, Outcome
from sendoff_domain.webhook_headers import shown_headers
from sendoff_domain.webhook_request import render_payload, request_headers
from sendoff_domain.webhook_response import Response
from sendoff_http.customers.webhooks import WEBHOOK_CLIENT, WEBHOOK_TESTS
from sendoff_http.web.keys import IDENTITY, KEY_CIPHER, POOL, database_now
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.paths import customer_id_of
from sendoff_http.web.problems import ProblemError, no_such_customer, overloaded
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel
from sendoff_webhooks.attempt import classify, post
from sendoff_webhooks.customer import Customer, customer_of
from sendoff_webhooks.customer_rows import find_customer
from sendoff_webhooks.keys.signing_keys import read_keys
from sendoff_webhooks.sealed_headers import open_headers

routes = Routes("Customers")

_SHOWN_BYTES = 4096


class TrialRequest(ApiModel):
    """What was sent."""

    url: str
    headers: dict[str, str] = Field(description="Credentials of the customer's own headers are shown as ***.")
    body: str


class TrialAnswer(ApiModel):
    """What the webhook answered."""

    status_code: int
    body: str = Field(description="The first 4 KiB, as text.")
    duration_ms: float


class Verdict(ApiModel):
    """What Sendoff would have made of it."""

    delivered: bool
    error_class: ErrorClass | None = None
    detail: str | None = None


class Trial(ApiModel):
    """A test: what was sent, what came back (null: no answer), and what it means."""

    request: TrialRequest
    answer: TrialAnswer | None
    verdict: Verdict


@routes.operation(
    "POST",
    "/v1/customers/{id}/test",
    "Send a test message to a customer's webhook",
    {200: ResponseDoc("What was sent and what came of it, good or bad", Trial)},
    access=needs(Scope.CUSTOMERS),
    problems=(404, 409, 503),
)
async def try_webhook(request: web.Request) -> web.Response:
    """Answer with what came of it; nothing is stored or tried again, and neither a pause nor a stop holds it back."""
    permits = request.app[WEBHOOK_TESTS]
    if permits.locked():
        raise overloaded("too many tests at once; try again")
    async with permits:
        customer = await _load(request, customer_id_of(request))
        if customer.webhook_url is None:
            raise ProblemError(409, "no_webhook", f"the customer {customer.id!r} has no webhook")
        now = database_now(request.app)
        body, headers = _message(customer, now, f"sendoff/{request.app[IDENTITY].version}")
        received, duration_us = await post(
            request.app[WEBHOOK_CLIENT],
            customer.webhook_url,
            headers=headers,
            body=body,
            timeout=customer.timeout,
            connect_timeout=customer.connect_timeout,
            customer=customer.id,
        )
    shown = {**headers, **shown_headers(customer.headers)}
    return json_response(
        {
            "request": {"url": customer.webhook_url, "headers": shown, "body": body.decode()},
            "answer": _describe(received, duration_us) if isinstance(received, Response) else None,
            "verdict": _verdict(classify(received, customer.response_rule, duration_us=duration_us, now=now)),
        }
    )


async def _load(request: web.Request, customer_id: str) -> Customer:
    async with request.app[POOL].connection() as connection:
        stored = await find_customer(connection, customer_id)
        if stored is None:
            raise no_such_customer(customer_id)
        try:
            customer = customer_of(open_headers(stored.columns, request.app[KEY_CIPHER]))
            keys = await read_keys(connection, request.app[KEY_CIPHER], customer_id)
        except DecryptionError as error:
            raise ProblemError(409, "secret_unreadable", str(error)) from None
    return customer.model_copy(update={"keys": tuple(key.key for key in keys)})


def _message(customer: Customer, now: float, user_agent: str) -> tuple[bytes, dict[str, str]]:
    webhook_id = "msg_" + hex_uuid7(int(now * 1000), os.urandom(10))
    content = {"test": True, "text": "A test message from Sendoff: the webhook of this customer can be reached."}
    body = render_payload(webhook_id, "test", content, {})
    headers = request_headers(
        customer.headers,
        webhook_id=webhook_id,
        attempt_number=1,
        unix_seconds=int(now),
        body=body,
        keys=customer.keys,
        user_agent=user_agent,
    )
    return body, headers


def _describe(response: Response, duration_us: int) -> dict[str, Any]:
    text = response.body[:_SHOWN_BYTES].decode("utf-8", "replace")
    return {"statusCode": response.status_code, "body": text, "durationMs": duration_us / 1000}


def _verdict(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Delivered):
        return {"delivered": True}
    return {"delivered": False, "errorClass": outcome.error_class, "detail": outcome.detail}
