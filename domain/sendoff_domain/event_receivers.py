"""Who gets an event as a message: customers that were made for the events of another one, or of the whole fleet.

Nothing is told of the messages of such a receiver, and a receiver gets nothing about itself: one event never leads to
another one.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sendoff_domain.event_types import EVENT_TYPES, EventKind
from sendoff_domain.events import Event

#: The customer that gets the events of the whole fleet; its webhook is `events.webhook` of the settings.
EVENTS_CUSTOMER = "events"
#: How many events may wait for a receiver without a limit of its own; `list_backlog_limits.sql` has it, too.
DEFAULT_BACKLOG = 10_000


@dataclass(frozen=True, slots=True)
class Receiver:
    """A customer that gets the events of another one, or of the fleet (`events_of` is its own id), since it exists."""

    id: str
    events_of: str
    created_at: datetime


class Receivers:
    """The receivers of some events; `fleet_kinds` is what the receiver of the fleet's events gets."""

    def __init__(self, receivers: Iterable[Receiver], fleet_kinds: Collection[EventKind]) -> None:
        self._fleet_kinds = frozenset(fleet_kinds)
        self._ids = set()
        self._of_fleet: Receiver | None = None
        self._of_customer: dict[str, list[Receiver]] = {}
        for one in receivers:
            self._ids.add(one.id)
            if one.events_of == one.id:
                self._of_fleet = one
            else:
                self._of_customer.setdefault(one.events_of, []).append(one)

    def are_told(self, event: Event) -> bool:
        """Whether the event is told at all: what happens to an event's message is not."""
        return EVENT_TYPES[event.kind].about != "message" or event.customer not in self._ids

    def of(self, event: Event) -> list[str]:
        """The customers that get this event as a message."""
        found = list(self._of_customer.get(event.customer, ())) if event.customer is not None else []
        if self._of_fleet is not None and event.kind in self._fleet_kinds:
            found.append(self._of_fleet)
        return [one.id for one in found if one.id != event.customer and one.created_at <= event.happened_at]


def asked_for(events: Sequence[Event]) -> list[str]:
    """The customers whose receivers, and which of whom are receivers, must be known for these events."""
    return sorted({event.customer for event in events if event.customer is not None} | {EVENTS_CUSTOMER})
