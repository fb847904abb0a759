"""The webhook request's headers: the same whether a message is delivered or a webhook is tried by hand."""

from collections.abc import Iterable, Mapping

from sendoff_domain.signature import sign


def attempt_headers(
    webhook_id: str,
    attempt: int,
    unix_seconds: int,
    body: bytes,
    keys: Iterable[bytes],
    own: Mapping[str, str],
    user_agent: str,
) -> dict[str, str]:
    """The headers of one attempt (1 is the first) by the Standard Webhooks specification, then the customer's own.

    The id is the same on every attempt, the timestamp is the attempt's. `own` holds none of these names.
    """
    return {
        "content-type": "application/json",
        "user-agent": user_agent,
        "webhook-id": webhook_id,
        "webhook-timestamp": str(unix_seconds),
        "webhook-signature": sign(keys, webhook_id, unix_seconds, body),
        "sendoff-attempt": str(attempt),
        **own,
    }
