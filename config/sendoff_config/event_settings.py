"""The settings of the events: whether any are published, and how much of them the streams keep."""

from datetime import timedelta

from pydantic import Field

from sendoff_domain.document_model import PolicyModel
from sendoff_domain.times import PositiveDuration


class EventStreamSettings(PolicyModel):
    """How long, and how much of, one stream of events is kept; the oldest go."""

    max_age: PositiveDuration = timedelta(days=7)
    max_bytes: int = Field(default=2**30, ge=2**20, le=2**50)


class EventSettings(PolicyModel):
    """What happens to messages, as events on JetStream: streams of retries, of dead letters, and of the rest."""

    enabled: bool = False
    replicas: int = Field(default=1, ge=1, le=5)
    duplicate_window: PositiveDuration = timedelta(minutes=10)
    retry: EventStreamSettings = EventStreamSettings()
    dead: EventStreamSettings = EventStreamSettings(max_age=timedelta(days=30))
    others: EventStreamSettings = EventStreamSettings()
