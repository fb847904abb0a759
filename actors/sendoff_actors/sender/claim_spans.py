"""The spans of a claim: from when it took a message until this process had it."""

from sendoff_actors.handoffs import Batch
from sendoff_config.tracing.tracer import ATTEMPT, CUSTOMER, MESSAGE_ID, Attributes, Tracer


def record_claims(tracer: Tracer, batch: Batch, now: float) -> None:
    """Make a span for each message of a batch that has a trace; `now` is the database's clock in Unix seconds."""
    for claimed in batch.messages:
        if claimed.trace is None:
            continue
        attributes: Attributes = {
            MESSAGE_ID: f"msg_{claimed.id}",
            CUSTOMER: claimed.customer,
            ATTEMPT: claimed.attempts + 1,
        }
        span = tracer.begin("claim", "internal", claimed.trace, at=batch.claimed_at, attributes=attributes)
        if span is not None:
            span.end(max(now, batch.claimed_at))
