"""Reads messages, wherever they are, as the documents that the API shows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all_as
from sendoff_domain.ids import format_message_id
from sendoff_domain.times import format_moment, format_optional
from sendoff_domain.webhook_request import read_payload


class MessageRow(NamedTuple):
    """One message as `load_messages.sql` gives it; made in half the time of a frozen dataclass."""

    message_id: UUID
    reference: str | None
    customer_id: str
    recipient: str
    payload: str
    status: str
    deliver_at: datetime
    expires_at: datetime | None
    retry: dict[str, Any] | None
    created_at: datetime
    sent_at: datetime | None
    attempts: int
    generation: int
    external_message_id: str | None
    next_attempt_at: datetime | None
    dead_at: datetime | None
    reason: str | None
    last_error: str | None
    failed_class: str | None
    failed_detail: str | None
    failed_status: int | None
    failed_at: datetime | None


_NO_FILTER = {
    "status": None,
    "customer": None,
    "recipient": None,
    "reference": None,
    "patterns": None,
    "sent_from": None,
    "sent_until": None,
}


async def load_messages(connection: Connection, ids: Sequence[UUID], **filters: Any) -> list[MessageRow]:
    """The messages of these ids that pass the filters, newest first; unknown ids are left out."""
    values = {**_NO_FILTER, **filters, "ids": list(ids)}
    return await fetch_all_as(connection, __package__, "load_messages", values, kind=MessageRow)


async def load_message(connection: Connection, message_id: UUID, customer: str | None) -> MessageRow | None:
    """One message, or None; None as well for one that is not this customer's, unless `customer` is None."""
    rows = await load_messages(connection, [message_id], customer=customer)
    return rows[0] if rows else None


def describe_row(row: MessageRow) -> dict[str, Any]:
    """The message document."""
    content, metadata = read_payload(row.payload)
    return {
        "id": format_message_id(row.message_id),
        "reference": row.reference,
        "customer": row.customer_id,
        "to": row.recipient,
        "content": content,
        "metadata": metadata,
        "status": row.status,
        "deliverAt": format_moment(row.deliver_at),
        "expiresAt": format_optional(row.expires_at),
        "retry": row.retry,
        "createdAt": format_moment(row.created_at),
        "sentAt": format_optional(row.sent_at),
        "attempts": row.attempts,
        "lastError": last_error(row),
        "externalMessageId": row.external_message_id,
    }


def last_error(row: MessageRow) -> dict[str, Any] | None:
    """The last failed attempt; for a dead letter whose attempts are gone, or that had none, what it says itself."""
    if row.failed_class is not None:
        return {
            "class": row.failed_class,
            "detail": row.failed_detail,
            "status": row.failed_status,
            "at": format_optional(row.failed_at),
        }
    if row.reason is not None:
        return {"class": row.reason, "detail": row.last_error, "status": None, "at": format_optional(row.dead_at)}
    return None
