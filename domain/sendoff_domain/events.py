"""What is told of messages, of customers and of the fleet, as documents of CloudEvents 1.0.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from pydantic import Field

from sendoff_domain.document_model import DocumentModel
from sendoff_domain.event_types import DATA_FIELDS, EVENT_TYPES, EventKind
from sendoff_domain.ids import format_message_id
from sendoff_domain.stream_names import MESSAGE_ID_HEADER
from sendoff_domain.times import format_moment

#: The media type of a document.
MEDIA_TYPE = "application/cloudevents+json"
#: The header that says where in the order of all events one is: whether the cursor must have passed it.
POSITION_HEADER = "Sendoff-Position"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened; `event_position` orders all events, and `row_id` those of one position.

    `row_id` is the message's id, or for what happened to a customer or the fleet the event's own. `customer` is None
    for the fleet, and when a message is gone so that nobody knows whose it was. The rest is there where it applies.
    """

    event_position: int
    row_id: UUID
    customer: str | None
    kind: EventKind
    happened_at: datetime
    generation: int | None = None
    attempt: int | None = None
    status_code: int | None = None
    error_class: str | None = None
    reason: str | None = None
    duration_us: int | None = None
    actor: str | None = None
    requested_by: str | None = None
    revision: int | None = None
    reference: str | None = None
    content: msgspec.Raw | None = None
    content_omitted: Literal[True] | None = None

    @property
    def id(self) -> str:
        """The same however often it is published: what happened once has one id."""
        if EVENT_TYPES[self.kind].about == "message":
            return f"{format_message_id(self.row_id)}:{self.generation}:{self.attempt}:{self.kind}"
        return f"evt_{self.row_id.hex}"

    @property
    def subject(self) -> str:
        """What it happened to; events of the same subject are in order."""
        about = EVENT_TYPES[self.kind].about
        if about == "message":
            return format_message_id(self.row_id)
        return self.customer or about

    @property
    def is_orphan(self) -> bool:
        """Whether nobody knows any more whose message it was."""
        return self.customer is None and EVENT_TYPES[self.kind].about != "fleet"

    @property
    def duration_ms(self) -> float | None:
        """How long the request took."""
        return None if self.duration_us is None else self.duration_us / 1000


class CloudEvent(DocumentModel):
    """Something that happened, in the form of CloudEvents 1.0."""

    specversion: Literal["1.0"]
    id: str = Field(description="The same however often it is published.")
    source: str = Field(description="Which fleet tells it.")
    type: str
    subject: str = Field(description="What it happened to: a message, a customer or the fleet.")
    time: datetime = Field(description="When it happened.")
    datacontenttype: Literal["application/json"]
    data: dict[str, Any]


def event_subject(prefix: str, kind: EventKind, customer: str | None) -> str:
    """Where events of a kind and a customer are published; `*` as a customer stands for all, the fleet has none."""
    subject = f"{prefix}.events.v1.{kind}"
    return subject if customer is None or EVENT_TYPES[kind].about == "fleet" else f"{subject}.{customer}"


def event_headers(event: Event, event_id: str) -> dict[str, str]:
    """What is published with the document, whose `id` is given."""
    return {
        MESSAGE_ID_HEADER: event_id,
        "Content-Type": MEDIA_TYPE,
        POSITION_HEADER: str(event.event_position),
    }


def cloud_event(event: Event, source: str) -> dict[str, Any]:
    """The document, of which msgspec makes JSON; what a message says is in it only if the event has that."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": EVENT_TYPES[event.kind].name,
        "subject": event.subject,
        "time": format_moment(event.happened_at),
        "datacontenttype": "application/json",
        "data": {
            name: value for name, field in DATA_FIELDS[event.kind] if (value := getattr(event, field)) is not None
        },
    }


def in_waves(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Cut ordered events so that no wave has two of one subject: what is in a wave may be published in any order."""
    wave: list[Event] = []
    seen: set[UUID | str] = set()
    for event in events:
        about = event.row_id if EVENT_TYPES[event.kind].about == "message" else event.subject
        if about in seen:
            yield wave
            wave, seen = [], set()
        wave.append(event)
        seen.add(about)
    if wave:
        yield wave
