"""Events as documents, and the waves in which they may be published."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from sendoff_domain.event_types import EVENT_TYPES, EventKind
from sendoff_domain.events import Event, cloud_event, in_waves

EVENT = Event(
    event_position=7,
    row_id=UUID("0192f0c1-d2e3-7a4b-8c5d-6e7f80910203"),
    customer="acme",
    kind=EventKind.SENT,
    generation=0,
    attempt=2,
    happened_at=datetime(2026, 1, 31, 8, tzinfo=UTC),
    status_code=200,
    duration_us=1500,
)
PAUSE = Event(
    event_position=8,
    row_id=UUID("7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    customer="acme",
    kind=EventKind.CUSTOMER_PAUSED,
    happened_at=datetime(2026, 1, 31, 8, tzinfo=UTC),
    reason="the webhook answered 410: it is gone",
    actor="worker",
    requested_by="one-worker-0",
    revision=3,
)


def of(number: int, kind: EventKind = EventKind.SENT) -> Event:
    return replace(EVENT, row_id=UUID(int=number), kind=kind)


def test_an_event_is_a_cloud_event_without_what_is_not_known() -> None:
    assert cloud_event(EVENT, "/sendoff") == {
        "specversion": "1.0",
        "id": "msg_0192f0c1d2e37a4b8c5d6e7f80910203:0:2:sent",
        "source": "/sendoff",
        "type": "sendoff.sent",
        "subject": "msg_0192f0c1d2e37a4b8c5d6e7f80910203",
        "time": "2026-01-31T08:00:00.000000Z",
        "datacontenttype": "application/json",
        "data": {"customer": "acme", "attempt": 2, "generation": 0, "statusCode": 200, "durationMs": 1.5},
    }


def test_the_content_is_written_as_the_message_has_it() -> None:
    event = replace(EVENT, content=msgspec.Raw(b'{"n":1.10}'))
    document = msgspec.json.encode(cloud_event(event, "/sendoff"))
    assert b'"content":{"n":1.10}' in document
    assert cloud_event(replace(EVENT, content_omitted=True), "/sendoff")["data"]["contentOmitted"] is True
    assert not {"content", "contentOmitted"} & set(cloud_event(EVENT, "/sendoff")["data"])


def test_the_event_of_a_customer_says_who_paused_it_and_why() -> None:
    document = cloud_event(PAUSE, "/sendoff")
    assert (document["id"], document["type"]) == ("evt_7c9e6679742540de944be07fc1f90ae7", "sendoff.customer.paused")
    assert document["subject"] == "acme"
    assert document["data"] == {
        "customer": "acme",
        "reason": "the webhook answered 410: it is gone",
        "actor": "worker",
        "requestedBy": "one-worker-0",
        "revision": 3,
    }


def test_the_event_of_the_fleet_has_no_customer() -> None:
    stop = replace(PAUSE, kind=EventKind.FLEET_STOPPED, customer=None)
    document = cloud_event(stop, "/sendoff")
    assert document["subject"] == "fleet"
    assert "customer" not in document["data"]
    assert not stop.is_orphan
    assert replace(PAUSE, customer=None).is_orphan


def test_what_is_published_of_every_type_is_what_its_model_says() -> None:
    for kind, known in EVENT_TYPES.items():
        customer = None if known.about == "fleet" else "acme"
        event = replace(EVENT, kind=kind, customer=customer, error_class="status", reason="x", actor="y", revision=1)
        known.data.model_validate(cloud_event(event, "/sendoff")["data"])
    assert set(EVENT_TYPES) == set(EventKind)


def test_a_wave_ends_before_the_second_event_of_a_message() -> None:
    first, again = of(1, EventKind.RETRY), of(1)
    assert list(in_waves([first, of(2), again, of(3), of(1, EventKind.DEAD)])) == [
        [first, of(2)],
        [again, of(3)],
        [of(1, EventKind.DEAD)],
    ]


def test_a_wave_has_one_event_of_a_customer() -> None:
    resumed = replace(PAUSE, row_id=UUID(int=9), kind=EventKind.CUSTOMER_RESUMED)
    assert list(in_waves([PAUSE, EVENT, resumed])) == [[PAUSE, EVENT], [resumed]]


def test_events_of_different_messages_are_one_wave() -> None:
    assert [len(wave) for wave in in_waves(map(of, range(1000)))] == [1000]
    assert list(in_waves([])) == []
