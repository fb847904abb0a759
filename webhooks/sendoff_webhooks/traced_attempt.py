"""An attempt with a span of its own, which the webhook learns as its parent."""

import asyncio
import time
from collections.abc import Awaitable
from functools import lru_cache
from urllib.parse import urlsplit

from sendoff_config.tracing.tracer import ATTEMPT, CUSTOMER, MESSAGE_ID, Attributes, Span, Tracer
from sendoff_domain.errors import ShortageError
from sendoff_domain.outcome import ErrorClass, Failed, Outcome
from sendoff_webhooks.attempt import make_attempt
from sendoff_webhooks.client.webhook_client import CancelledUnsentError, WebhookClient
from sendoff_webhooks.customer import Customer


class TracedAttempts:
    """Makes attempts as `make_attempt` does, each of a sampled trace in a span."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    async def make(
        self,
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
        """As `make_attempt`; a message without a trace has no spans."""
        span = None
        if trace is not None:
            attributes: Attributes = {MESSAGE_ID: webhook_id, CUSTOMER: customer_id, ATTEMPT: attempt_number}
            span = self._tracer.begin("attempt", "client", trace, at=now, attributes=attributes)
        attempt = make_attempt(
            customer,
            client,
            customer_id=customer_id,
            webhook_id=webhook_id,
            attempt_number=attempt_number,
            payload=payload,
            now=now,
            user_agent=user_agent,
            trace=trace if span is None else span.trace,
        )
        if span is None:
            return await attempt
        if customer is not None and customer.webhook_url is not None:
            span.describe(_request_of(customer.webhook_url))
        return await _within(span, attempt, now)


async def _within(span: Span, attempt: Awaitable[Outcome], started_at: float) -> Outcome:
    """End the span with what the attempt comes to; where there was none the span has no end either."""
    started = time.monotonic()
    try:
        outcome = await attempt
    except (ShortageError, CancelledUnsentError):
        raise
    except asyncio.CancelledError:
        span.end(started_at + time.monotonic() - started, ErrorClass.INTERRUPTED)
        raise
    if outcome.status_code is not None:
        span.describe({"http.response.status_code": outcome.status_code})
    error = outcome.error_class.value if isinstance(outcome, Failed) else None
    span.end(started_at + outcome.duration_us / 1e6, error)
    return outcome


@lru_cache(maxsize=4096)
def _request_of(url: str) -> Attributes:
    """What is told of a request: never its path and its query, in which there may be secrets."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"http.request.method": "POST", "server.address": parts.hostname or "", "server.port": port}
