"""What Sendoff takes and tells over NATS: each channel with its subject, its model and an example."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sendoff_control.protocol import Reply, StateAnnouncement
from sendoff_domain.control import Action, CommandDocument
from sendoff_domain.event_types import EVENT_TYPES, EventKind, EventType
from sendoff_domain.events import (
    MEDIA_TYPE,
    POSITION_HEADER,
    CloudEvent,
    Event,
    cloud_event,
    event_headers,
    event_subject,
)
from sendoff_domain.stream_names import MESSAGE_ID_HEADER, ingest_subject, rejected_subject
from sendoff_http.web.asyncapi import Channel, Example, describe_channels, reference_to
from sendoff_http.web.traces import TRACE_HEADERS
from sendoff_intake.message_input import MessageInput
from sendoff_intake.rejection import Rejection
from sendoff_intake.submission_reader import KEY_FORM, KEY_HEADER

_ANY_CUSTOMER = "{customer}"
#: An event of any type; a type says what of it is told.
_SAMPLE: dict[str, Any] = {
    "event_position": 4711,
    "row_id": UUID("0192f0c1-d2e3-7a4b-8c5d-6e7f80910203"),
    "happened_at": datetime(2026, 1, 31, 8, tzinfo=UTC),
    "generation": 0,
    "attempt": 2,
    "error_class": "status",
    "duration_us": 12_500,
    "actor": "anonymous",
    "requested_by": "jane",
    "revision": 7,
}


def describe_streams(prefix: str) -> dict[str, Any]:
    """The AsyncAPI document of a fleet with that `control.prefix`."""
    events = [_event(prefix, kind) for kind in EVENT_TYPES.values()]
    channels = [_ingest(prefix), _rejected(prefix), *events, *_commands(prefix), _state(prefix)]
    return describe_channels(channels, others={kind.data for kind in EVENT_TYPES.values()})


def _ingest(prefix: str) -> Channel:
    return Channel(
        name="ingest",
        address=ingest_subject(prefix, _ANY_CUSTOMER),
        action="receive",
        summary="A message to deliver, as POST /v1/messages takes it, in the stream of the ingest (ingest.enabled).",
        model=MessageInput,
        headers=_headers(
            (KEY_HEADER, f"One key and one body store one message, for three days: {KEY_FORM}."),
            (MESSAGE_ID_HEADER, "What NATS knows doubles by, for some minutes: let it be <customer>:<key>."),
            *TRACE_HEADERS.items(),
        ),
        examples=[
            Example(
                {"to": "+4915112345678", "content": "Your parcel is on its way."},
                {KEY_HEADER: "order-4711", MESSAGE_ID_HEADER: "default:order-4711"},
            )
        ],
    )


def _rejected(prefix: str) -> Channel:
    return Channel(
        name="rejected",
        address=rejected_subject(prefix),
        action="send",
        summary="A message that could not be taken in, with its reason.",
        model=Rejection,
        headers=_headers((MESSAGE_ID_HEADER, "Its place in the stream of the ingest.")),
        examples=[
            Example(
                {
                    "reason": "invalid",
                    "detail": "content: expected a value, got nothing",
                    "errors": [{"pointer": "/content", "detail": "expected a value, got nothing"}],
                    "subject": ingest_subject(prefix, "default"),
                    "sequence": 4711,
                    "publishedAt": "2026-01-31T08:00:00.000000Z",
                    "headers": {KEY_HEADER: "order-4711"},
                    "body": '{"to": "bob"}',
                    "bodyEncoding": "utf-8",
                    "bodyBytes": 13,
                }
            )
        ],
    )


def _event(prefix: str, kind: EventType) -> Channel:
    data = {"properties": {"type": {"const": kind.name}, "data": reference_to(kind.data)}, "required": ["data"]}
    customer = None if kind.about == "fleet" else "acme"
    status = 200 if kind.kind is EventKind.SENT else 503
    reason = "exhausted" if kind.about == "message" else "maintenance"
    sample = Event(kind=kind.kind, customer=customer, status_code=status, reason=reason, **_SAMPLE)
    return Channel(
        name=str(kind.kind),
        address=event_subject(prefix, kind.kind, _ANY_CUSTOMER),
        action="send",
        summary=f"{kind.summary} In a stream of events (events.enabled).",
        model=CloudEvent,
        narrowed=data,
        content_type=MEDIA_TYPE,
        headers=_headers(
            (MESSAGE_ID_HEADER, "The event's id."),
            ("Content-Type", "That of CloudEvents in JSON."),
            (POSITION_HEADER, "Where it is in the order of all events, as a number; several may share one."),
        ),
        examples=[Example(cloud_event(sample, f"/{prefix}"), event_headers(sample, sample.id))],
    )


def _commands(prefix: str) -> list[Channel]:
    reply = {"status": "accepted", "commandId": "maintenance-1", "scope": "global", "epoch": 1, "revision": 8}
    return [
        *(_command(prefix, action) for action in Action),
        Channel(
            name="commandReply",
            address=None,
            action="send",
            summary="What became of a command that came as a request.",
            model=Reply,
            examples=[Example({**reply, "desired": "stopped"})],
        ),
    ]


def _command(prefix: str, action: Action) -> Channel:
    return Channel(
        name=f"control.{action}",
        address=f"{prefix}.control.{action}",
        action="receive",
        summary=f"A command to {action} the fleet, or a customer (scope); without a body it is for the fleet.",
        model=CommandDocument,
        examples=[Example({"commandId": "maintenance-1", "reason": "maintenance", "requestedBy": "jane"})],
        reply="commandReply",
    )


def _state(prefix: str) -> Channel:
    state = {"sender": "one-http-0", "scope": "global", "epoch": 1, "revision": 8, "desired": "stopped"}
    return Channel(
        name="control.state",
        address=f"{prefix}.control.state",
        action="send",
        summary="A state that was decided: a hint to look, which may come twice or not at all.",
        model=StateAnnouncement,
        examples=[Example({**state, "commandId": "maintenance-1"})],
    )


def _headers(*described: tuple[str, str]) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": text} for name, text in described}
    return {"type": "object", "properties": properties}
