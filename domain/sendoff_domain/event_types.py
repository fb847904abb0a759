"""The types of events and what the data of each says: what is published and what describes it follow from this list."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import ConfigDict, Field

from sendoff_domain.document_model import DocumentModel


class EventKind(StrEnum):
    """What happened: to a message, to a customer, to the fleet."""

    SENT = "sent"
    RETRY = "retry"
    DEAD = "dead"
    CANCELLED = "cancelled"
    CUSTOMER_PAUSED = "customer.paused"
    CUSTOMER_RESUMED = "customer.resumed"
    BREAKER_OPENED = "breaker.opened"
    BREAKER_CLOSED = "breaker.closed"
    FLEET_STOPPED = "fleet.stopped"
    FLEET_STARTED = "fleet.started"


class EventData(DocumentModel):
    """What is known of an event; what does not apply is left out."""

    model_config = ConfigDict(validate_by_name=True)


class CancelledData(EventData):
    """A message that was called off before it was sent."""

    customer: str = Field(description="Whose message it is.")
    attempt: int = Field(ge=0, description="Which attempt it was, from 1; of a message at its end how many it had.")
    generation: int = Field(ge=0, description="How often the message had been sent again.")
    reference: str | None = Field(
        default=None, description="Its sender's own id, if it was given one and `events.content` is on."
    )
    content: Any = Field(default=None, description="What the message says, if `events.content` is on.")
    content_omitted: Literal[True] | None = Field(
        default=None, description="That it is on, but the content is too large, or the message is gone."
    )


class SentData(CancelledData):
    """A message that was sent."""

    status_code: int | None = Field(default=None, description="The HTTP status of the answer.")
    duration_ms: float | None = Field(default=None, description="How long the request took.")


class RetryData(SentData):
    """An attempt that failed and is followed by another one."""

    error_class: str = Field(description="What failed: a status, a timeout, a connection and so on.")


class DeadData(CancelledData):
    """A message that is not tried any more."""

    reason: str = Field(description="Why it is not tried any more.")
    status_code: int | None = Field(default=None, description="The HTTP status of the last answer.")
    error_class: str | None = Field(default=None, description="What failed last.")


class FleetData(EventData):
    """A stop or a start of the whole fleet."""

    revision: int = Field(description="The number of the state: each stop and start gives its scope the next one.")
    actor: str = Field(description="Who was let in to ask for it: a key's id, a bus, a worker, the command line.")
    requested_by: str | None = Field(default=None, description="Who asked for it, as it was said.")
    reason: str | None = Field(default=None, description="Why, as it was said.")


class CustomerData(FleetData):
    """A pause of one customer, or its end."""

    customer: str = Field(description="Whose messages are held or let go.")


class BreakerData(EventData):
    """A circuit breaker that holds a customer's messages, or lets them go."""

    customer: str = Field(description="Whose webhook fails or works again.")
    reason: str | None = Field(default=None, description="Why, in words.")


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event: what it says in a sentence, what its data is, and what it is about (its `subject`)."""

    kind: EventKind
    summary: str
    data: type[EventData]
    about: Literal["message", "customer", "fleet"]

    @property
    def name(self) -> str:
        """Its `type` in an event."""
        return f"sendoff.{self.kind}"


#: All types, by their kinds.
EVENT_TYPES: Mapping[EventKind, EventType] = {
    one.kind: one
    for one in (
        EventType(EventKind.SENT, "A message was sent.", SentData, "message"),
        EventType(EventKind.RETRY, "An attempt failed, another one follows.", RetryData, "message"),
        EventType(EventKind.DEAD, "A message is not tried any more.", DeadData, "message"),
        EventType(EventKind.CANCELLED, "A message was cancelled.", CancelledData, "message"),
        EventType(EventKind.CUSTOMER_PAUSED, "A customer's messages are held.", CustomerData, "customer"),
        EventType(EventKind.CUSTOMER_RESUMED, "A customer's messages go out again.", CustomerData, "customer"),
        EventType(EventKind.BREAKER_OPENED, "A webhook fails: its messages are held.", BreakerData, "customer"),
        EventType(EventKind.BREAKER_CLOSED, "A webhook works again.", BreakerData, "customer"),
        EventType(EventKind.FLEET_STOPPED, "Nothing is sent any more.", FleetData, "fleet"),
        EventType(EventKind.FLEET_STARTED, "Messages are sent again.", FleetData, "fleet"),
    )
}
#: What each name in the data of a kind is in an event's row.
DATA_FIELDS: Mapping[EventKind, tuple[tuple[str, str], ...]] = {
    kind: tuple((str(field.alias), name) for name, field in one.data.model_fields.items())
    for kind, one in EVENT_TYPES.items()
}
