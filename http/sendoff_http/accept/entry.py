"""One message on its way into the database, and what can become of it there."""

import hashlib
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from sendoff_domain.ids import created_at, format_message_id, uuid7
from sendoff_domain.payload import CONTENT_LIMIT, content_size, render_payload
from sendoff_http.accept.message_input import MessageInput
from sendoff_http.problems import FieldError, ProblemError, invalid
from sendoff_http.times import format_moment, format_optional

_canonical = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Entry:
    """A valid message with its id and its payload; `key` and `body_hash` only with an Idempotency-Key."""

    message_id: UUID
    message: MessageInput
    payload: str
    created_at: datetime
    key: str | None = None
    body_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """The message is in the database, by this request or, if `replayed`, by an earlier one with the same key."""

    message_id: UUID
    deliver_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class UnknownCustomer:
    """There is no such customer; nothing was stored."""


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The Idempotency-Key was used for another body; nothing was stored."""


Result = Stored | UnknownCustomer | KeyReused


def make_entry(message: MessageInput, raw: Any, key: str | None, now: float) -> Entry:
    """Give a valid message its id and its payload; `raw` is what was sent in, `now` the database's clock.

    Raises ProblemError for what only shows here: 413 for the content's size, 422 for an expiry before the delivery.
    """
    message_id = uuid7(time.time_ns() // 1_000_000, os.urandom(10))
    payload = render_payload(message_id, message.to, message.content, message.metadata)
    # The payload holds the content, so a short one needs no second measurement.
    if len(payload) > CONTENT_LIMIT // 4 and content_size(message.content) > CONTENT_LIMIT:
        detail = f"expected at most {CONTENT_LIMIT} bytes of content, got {content_size(message.content)}"
        raise ProblemError(413, "content_too_large", detail, errors=[FieldError("/content", detail)])
    if message.expires_at is not None:
        _check_expiry(message.expires_at, message.delay, now)
    body_hash = None if key is None else hashlib.sha256(_canonical(raw)).digest()
    return Entry(message_id, message, payload, created_at(message_id), key, body_hash)


def describe(entry: Entry, stored: Stored) -> dict[str, Any]:
    """The message document as it is when the message is accepted; a replay gives the same one again."""
    message = entry.message
    return {
        "id": format_message_id(stored.message_id),
        "customer": message.customer,
        "to": message.to,
        "content": message.content,
        "metadata": message.metadata,
        "status": "scheduled",
        "deliverAt": format_moment(stored.deliver_at),
        "expiresAt": format_optional(message.expires_at),
        "createdAt": format_moment(created_at(stored.message_id) if stored.replayed else entry.created_at),
        "sentAt": None,
        "attempts": 0,
        "lastError": None,
        "externalMessageId": None,
    }


def refusal(result: UnknownCustomer | KeyReused, entry: Entry) -> ProblemError:
    """The problem that says why a message was not stored."""
    if isinstance(result, UnknownCustomer):
        detail = f"there is no customer {entry.message.customer!r}"
        return invalid([FieldError("/customer", detail, "unknown_customer")])
    return ProblemError(422, "idempotency_key_reused", "this Idempotency-Key was used for another body")


def _check_expiry(expires_at: datetime, delay: timedelta | None, now: float) -> None:
    earliest = now + (delay.total_seconds() if delay else 0.0)
    if expires_at.timestamp() <= earliest:
        raise invalid([FieldError("/expiresAt", "expected a moment in the future, after the delivery")])
