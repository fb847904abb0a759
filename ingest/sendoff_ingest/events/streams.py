"""The three streams of events."""

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from sendoff_config.event_settings import EventSettings, EventStreamSettings
from sendoff_domain.event_types import EventKind
from sendoff_domain.events import event_subject


def event_streams(prefix: str, settings: EventSettings) -> list[StreamConfig]:
    """Logs on disk that never refuse anything: the oldest events go."""
    name = f"{prefix.upper()}_EVENTS"
    return [
        _stream(settings, settings.retry, f"{name}_RETRY", [event_subject(prefix, EventKind.RETRY, "*")]),
        _stream(settings, settings.dead, f"{name}_DEAD", [event_subject(prefix, EventKind.DEAD, "*")]),
        _stream(
            settings,
            settings.others,
            name,
            [event_subject(prefix, kind, "*") for kind in EventKind if kind not in (EventKind.RETRY, EventKind.DEAD)],
        ),
    ]


def _stream(settings: EventSettings, limits: EventStreamSettings, name: str, subjects: list[str]) -> StreamConfig:
    return StreamConfig(
        name=name,
        subjects=subjects,
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_bytes=limits.max_bytes,
        max_age=limits.max_age.total_seconds(),
        num_replicas=settings.replicas,
        duplicate_window=min(settings.duplicate_window, limits.max_age).total_seconds(),
    )
