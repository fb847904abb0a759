"""Events as documents, and the waves in which they may be published."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from sendoff_domain.events import Event, EventKind, cloud_event, in_waves

EVENT = Event(
    event_position=7,
    message_id=UUID("0192f0c1-d2e3-7a4b-8c5d-6e7f80910203"),
    customer_id="acme",
    kind=EventKind.SENT,
    generation=0,
    attempt=2,
    happened_at=datetime(2026, 1, 31, 8, tzinfo=UTC),
    status_code=200,
    error_class=None,
    reason=None,
    duration_us=1500,
)


def of(number: int, kind: EventKind = EventKind.SENT) -> Event:
    return replace(EVENT, message_id=UUID(int=number), kind=kind)


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


def test_a_wave_ends_before_the_second_event_of_a_message() -> None:
    first, again = of(1, EventKind.RETRY), of(1)
    assert list(in_waves([first, of(2), again, of(3), of(1, EventKind.DEAD)])) == [
        [first, of(2)],
        [again, of(3)],
        [of(1, EventKind.DEAD)],
    ]


def test_events_of_different_messages_are_one_wave() -> None:
    assert [len(wave) for wave in in_waves(map(of, range(1000)))] == [1000]
    assert list(in_waves([])) == []
