"""One attempt: prepare the request, post it, and say what came of it."""

import time
from datetime import UTC, datetime

import msgspec

from sendoff_actors.handoffs import Claimed
from sendoff_domain.json_pointer import find, parse_pointer
from sendoff_domain.judgement import refusal
from sendoff_domain.outcome import (
    ANSWER_BYTES_KEPT,
    Delivered,
    ErrorClass,
    Failed,
    Outcome,
)
from sendoff_domain.response_rule.rule import ResponseRule
from sendoff_domain.retry_after import parse_retry_after
from sendoff_domain.webhook_request import attempt_headers
from sendoff_webhooks.client.transport import Answer, Transport, TransportError
from sendoff_webhooks.customers import Customer

_LONGEST_EXTERNAL_ID = 256


class _AnswerBody(msgspec.Struct):
    messageId: str | int | None = None  # noqa: N815  the receiver's spelling


_read_answer = msgspec.json.Decoder(_AnswerBody).decode
_read_any = msgspec.json.Decoder().decode


async def attempt(
    message: Claimed, customer: Customer | None, transport: Transport, now: float, user_agent: str
) -> Outcome:
    """Post one message to its customer's webhook; `now` is the database's clock in Unix seconds. Never raises."""
    started = time.monotonic()
    if customer is None or customer.webhook_url is None:
        detail = f"customer {message.customer} has no webhook"
        return Failed(ErrorClass.NO_WEBHOOK, detail, 0)
    body = message.payload.encode()
    headers = request_headers(message, customer, body, int(now), user_agent)
    try:
        answer = await transport.post(customer.webhook_url, headers, body, customer.timeout, customer.connect_timeout)
    except TransportError as error:
        return Failed(error.error_class, error.detail, _since(started))
    except Exception as error:  # noqa: BLE001  a message without an outcome would be held and renewed for ever
        return Failed(ErrorClass.PROTOCOL, f"{type(error).__name__}: {error}", _since(started))
    return judge(answer, _since(started), now, customer.response_rule)


def request_headers(
    message: Claimed, customer: Customer, body: bytes, unix_seconds: int, user_agent: str
) -> dict[str, str]:
    """The headers of one attempt."""
    attempt, keys, own = message.attempt + 1, customer.keys, customer.headers
    return attempt_headers(f"msg_{message.id}", attempt, unix_seconds, body, keys, own, user_agent)


def judge(answer: Answer, duration_us: int, now: float, rule: ResponseRule) -> Outcome:
    """Whether an answer means delivered by the customer's rule, and if not, why; `now` is in Unix seconds."""
    status_code = answer.status_code
    if rule.is_usual and 200 <= status_code <= 299:  # nearly every answer: half a microsecond in all
        return Delivered(status_code, duration_us, external_message_id(answer.body))
    refused = refusal(rule, status_code, answer.body, is_cut=answer.is_cut)
    if refused is None:
        return Delivered(status_code, duration_us, external_message_id_at(rule.external_id, answer.body))
    return Failed(
        *refused,
        duration_us,
        status_code,
        answer.body[:ANSWER_BYTES_KEPT],
        parse_retry_after(answer.retry_after, datetime.fromtimestamp(now, UTC)),
        final=status_code in rule.final_codes,
    )


def external_message_id(body: bytes) -> str | None:
    """The `messageId` of a JSON answer, as text that PostgreSQL can hold; anything else counts as none."""
    if not body.startswith(b"{"):
        return None
    try:
        found = _read_answer(body).messageId
        return None if found is None else str(found).replace("\0", "")[:_LONGEST_EXTERNAL_ID]
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        return None


def external_message_id_at(pointer: str, body: bytes) -> str | None:
    """The same for an id at another place of the answer."""
    try:
        found = find(_read_any(body), parse_pointer(pointer))
        if isinstance(found, bool) or not isinstance(found, str | int):
            return None
        return str(found).replace("\0", "")[:_LONGEST_EXTERNAL_ID]
    except (ValueError, RecursionError):
        return None


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1e6)
