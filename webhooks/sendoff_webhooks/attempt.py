"""One attempt: prepare the request, post it, and say what came of it."""

import time
from datetime import timedelta

from sendoff_domain.errors import ShortageError
from sendoff_domain.outcome import ErrorClass, Failed, Outcome
from sendoff_domain.response_rule.rule import ResponseRule
from sendoff_domain.trace_context import trace_headers
from sendoff_domain.webhook_request import request_headers
from sendoff_domain.webhook_response import Response, classify_response
from sendoff_webhooks.client.connection import TransportError
from sendoff_webhooks.client.shortage import is_shortage
from sendoff_webhooks.client.webhook_client import WebhookClient
from sendoff_webhooks.customer import Customer


async def make_attempt(
    customer: Customer | None,
    client: WebhookClient,
    *,
    customer_id: str,
    webhook_id: str,
    attempt_number: int,
    payload: str,
    now: float,
    user_agent: str,
    trace: str | None = None,
) -> Outcome:
    """Post one message to its customer's webhook; raises ShortageError alone, and then there was no attempt.

    `webhook_id` is the message's (`msg_...`), `attempt_number` is 1 for the first attempt, and `now` is the database's
    clock in Unix seconds. `trace` (`sendoff_domain.trace_context`) is passed on.
    """
    if customer is None:
        return Failed(ErrorClass.CUSTOMER_GONE, f"the customer {customer_id} that it belongs to was deleted", 0)
    if customer.webhook_url is None:
        return Failed(ErrorClass.NO_WEBHOOK, f"customer {customer_id} has no webhook", 0)
    body = payload.encode()
    headers = request_headers(
        customer.headers,
        webhook_id=webhook_id,
        attempt_number=attempt_number,
        unix_seconds=int(now),
        body=body,
        keys=customer.keys,
        user_agent=user_agent,
    )
    if trace is not None:
        headers |= trace_headers(trace, customer.headers)
    received, duration_us = await post(
        client,
        customer.webhook_url,
        headers=headers,
        body=body,
        timeout=customer.timeout,
        connect_timeout=customer.connect_timeout,
        customer=customer_id,
    )
    return classify(received, customer.response_rule, duration_us=duration_us, now=now)


async def post(
    client: WebhookClient,
    url: str,
    *,
    headers: dict[str, str],
    body: bytes,
    timeout: timedelta,
    connect_timeout: timedelta,
    customer: str,
) -> tuple[Response | TransportError, int]:
    """What a webhook answers, or why there is no answer, and how long it took in microseconds.

    Raises ShortageError when this process could not even try.
    """
    started = time.monotonic()
    received: Response | TransportError
    try:
        received = await client.post(
            url, headers=headers, body=body, timeout=timeout, connect_timeout=connect_timeout, customer=customer
        )
    except TransportError as error:
        received = error
    except ShortageError:
        raise
    except Exception as error:
        if is_shortage(error):
            raise ShortageError(f"no request can be made: {error or type(error).__name__}") from error
        # A message without an outcome would be held and renewed for ever
        received = TransportError(ErrorClass.PROTOCOL, f"{type(error).__name__}: {error}")
    return received, round((time.monotonic() - started) * 1e6)


def classify(received: Response | TransportError, rule: ResponseRule, *, duration_us: int, now: float) -> Outcome:
    """What an attempt came to by the customer's rule; `now` is when it began, in Unix seconds."""
    if isinstance(received, TransportError):
        return Failed(received.error_class, received.detail, duration_us)
    return classify_response(rule, received, duration_us=duration_us, now=now)
