"""Who gets which event: one event never leads to another one."""

import dataclasses
from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from sendoff_domain.event_receivers import Receiver, Receivers, asked_for
from sendoff_domain.event_types import EventKind
from sendoff_domain.events import Event

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
DEAD = Event(
    event_position=1, row_id=UUID(int=1), customer="acme", kind=EventKind.DEAD, happened_at=NOW, generation=0, attempt=3
)
PAUSED = replace(DEAD, kind=EventKind.CUSTOMER_PAUSED)
FLEET = Receiver("events", "events", NOW - timedelta(days=1))
OF_ACME = Receiver("acme-events", "acme", NOW - timedelta(days=1))
RECEIVERS = Receivers([FLEET, OF_ACME], list(EventKind))


def test_an_event_goes_to_the_fleet_and_to_its_customer() -> None:
    assert RECEIVERS.of(DEAD) == ["acme-events", "events"]
    assert RECEIVERS.of(replace(DEAD, customer="other")) == ["events"]
    assert RECEIVERS.of(replace(DEAD, kind=EventKind.FLEET_STOPPED, customer=None)) == ["events"]


def test_nothing_is_told_of_the_message_of_an_event() -> None:
    assert RECEIVERS.are_told(DEAD)
    assert not RECEIVERS.are_told(replace(DEAD, customer="acme-events"))
    assert not RECEIVERS.are_told(replace(DEAD, customer="events"))


def test_a_receiver_that_is_paused_is_told_to_others_only() -> None:
    of_receiver = replace(PAUSED, customer="acme-events")
    assert RECEIVERS.are_told(of_receiver)
    assert RECEIVERS.of(of_receiver) == ["events"]
    assert RECEIVERS.of(replace(PAUSED, customer="events")) == []


def test_what_happened_before_a_receiver_was_made_is_not_for_it() -> None:
    """Another customer may have had the id."""
    late = Receivers([dataclasses.replace(OF_ACME, created_at=NOW + timedelta(seconds=1))], list(EventKind))
    assert late.of(DEAD) == []


def test_the_fleet_gets_the_kinds_that_were_chosen() -> None:
    chosen = Receivers([FLEET, OF_ACME], [EventKind.CUSTOMER_PAUSED])
    assert chosen.of(DEAD) == ["acme-events"]
    assert chosen.of(PAUSED) == ["acme-events", "events"]
    assert Receivers([FLEET], ()).of(PAUSED) == []


def test_all_customers_of_some_events_are_asked_for() -> None:
    assert asked_for([DEAD, PAUSED, replace(DEAD, customer=None)]) == ["acme", "events"]
