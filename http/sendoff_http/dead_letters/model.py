"""Dead letters as the API shows them, and the filters of their list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.ids import format_message_id
from sendoff_domain.message import DeathReason
from sendoff_domain.texts import CustomerId, Recipient, Reference
from sendoff_domain.times import format_moment, format_optional
from sendoff_domain.webhook_request import read_payload
from sendoff_http.messages.model import MessageId
from sendoff_http.web.documents import ShownMoment
from sendoff_http.web.pagination import CreatedQuery
from sendoff_http.web.problems import ProblemError
from sendoff_http.web.validation import ApiModel

KIND = "d"


class DeadLetter(ApiModel):
    """A message that could not be delivered; its id is the message's."""

    id: MessageId
    reference: str | None
    customer: str
    to: str
    content: Any
    metadata: dict[str, str]
    deliver_at: ShownMoment
    expires_at: ShownMoment | None
    retry: RetryStrategy | None
    created_at: ShownMoment
    dead_at: ShownMoment
    reason: DeathReason
    attempts: int
    generation: int
    last_error: str | None


class DeadAttempt(ApiModel):
    """A failed attempt as the dead letter remembers it."""

    generation: int
    attempt: int
    started_at: ShownMoment
    duration_ms: float
    status_code: int | None
    error_class: str | None
    detail: str | None


class DeadLetterWithHistory(DeadLetter):
    """A dead letter and all that was tried."""

    history: list[DeadAttempt]


class DeadLetterPage(ApiModel):
    """Dead letters, newest message first; the list ends where nextCursor is null."""

    data: list[DeadLetter]
    next_cursor: str | None


class DeadLetterQuery(CreatedQuery):
    """Which dead letters; all filters must fit."""

    customer: CustomerId | None = Field(default=None, description="Of this customer.")
    to: Recipient | None = Field(default=None, description="To exactly this recipient.")
    reference: Reference | None = Field(default=None, description="With exactly this reference.")
    reason: DeathReason | None = Field(default=None, description="Dead for this reason.")

    def values(self) -> dict[str, Any]:
        """The statement's parameters."""
        low, high = self.id_range(KIND)
        return {
            "low": low,
            "high": high,
            "customer": self.customer,
            "recipient": self.to,
            "reference": self.reference,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """A row of `list_dead_letters.sql`."""

    message_id: UUID
    reference: str | None
    customer_id: str
    recipient: str
    payload: str
    deliver_at: datetime
    expires_at: datetime | None
    retry: dict[str, Any] | None
    created_at: datetime
    dead_at: datetime
    reason: str
    attempts: int
    generation: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class DeadLetterWithHistoryRow(DeadLetterRow):
    """The row of `read_dead_letter.sql`."""

    history: list[dict[str, Any]]


def describe_row(row: DeadLetterRow) -> dict[str, Any]:
    """The dead letter's document, without its history."""
    content, metadata = read_payload(row.payload)
    return {
        "id": format_message_id(row.message_id),
        "reference": row.reference,
        "customer": row.customer_id,
        "to": row.recipient,
        "content": content,
        "metadata": metadata,
        "deliverAt": format_moment(row.deliver_at),
        "expiresAt": format_optional(row.expires_at),
        "retry": row.retry,
        "createdAt": format_moment(row.created_at),
        "deadAt": format_moment(row.dead_at),
        "reason": row.reason,
        "attempts": row.attempts,
        "generation": row.generation,
        "lastError": row.last_error,
    }


def describe_history(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The remembered attempts; their times were written by PostgreSQL in its own time zone."""
    return [{**one, "startedAt": format_moment(datetime.fromisoformat(one["startedAt"]))} for one in history]


def no_such_dead_letter(text: str) -> ProblemError:
    """There is no dead letter of that id (404)."""
    return ProblemError(404, "dead_letter_not_found", f"there is no dead letter {text[:80]!r}")
