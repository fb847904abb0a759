"""What is told of a message: sent, to be tried again, dead, cancelled; as documents of CloudEvents 1.0.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sendoff_domain.ids import format_message_id
from sendoff_domain.times import format_moment

#: The media type of a document.
MEDIA_TYPE = "application/cloudevents+json"


class EventKind(StrEnum):
    """What happened to a message."""

    SENT = "sent"
    RETRY = "retry"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to one message; `event_position` orders the events of all messages.

    `customer_id` is None when the message is gone so that nobody knows whose it was.
    """

    event_position: int
    message_id: UUID
    customer_id: str | None
    kind: EventKind
    generation: int
    attempt: int
    happened_at: datetime
    status_code: int | None
    error_class: str | None
    reason: str | None
    duration_us: int | None

    @property
    def id(self) -> str:
        """The same however often it is published: what happened once to a message has one id."""
        return f"{format_message_id(self.message_id)}:{self.generation}:{self.attempt}:{self.kind}"


def cloud_event(event: Event, source: str) -> dict[str, Any]:
    """The document; it has nothing of what the message or its answer says."""
    data = {
        "customer": event.customer_id,
        "attempt": event.attempt,
        "generation": event.generation,
        "statusCode": event.status_code,
        "errorClass": event.error_class,
        "reason": event.reason,
        "durationMs": None if event.duration_us is None else event.duration_us / 1000,
    }
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": f"sendoff.{event.kind}",
        "subject": format_message_id(event.message_id),
        "time": format_moment(event.happened_at),
        "datacontenttype": "application/json",
        "data": {name: value for name, value in data.items() if value is not None},
    }


def in_waves(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Cut ordered events so that no wave has two of one message: what is in a wave may be published in any order."""
    wave: list[Event] = []
    seen: set[UUID] = set()
    for event in events:
        if event.message_id in seen:
            yield wave
            wave, seen = [], set()
        wave.append(event)
        seen.add(event.message_id)
    if wave:
        yield wave
