"""The settings of the events: whether any are published, and how much of them the streams keep."""

from datetime import timedelta

from pydantic import Field, field_validator

from sendoff_config.secret_texts import SigningSecret
from sendoff_domain.document_model import PolicyModel
from sendoff_domain.event_receivers import DEFAULT_BACKLOG
from sendoff_domain.event_types import EventKind
from sendoff_domain.times import PositiveDuration
from sendoff_domain.webhook_url import checked_webhook_url


class EventStreamSettings(PolicyModel):
    """How long, and how much of, one stream of events is kept; the oldest go."""

    max_age: PositiveDuration = timedelta(days=7)
    max_bytes: int = Field(default=2**30, ge=2**20, le=2**50)


class EventWebhookSettings(PolicyModel):
    """The webhook that gets the events of the whole fleet: its messages are those of the customer `events`.

    At most `backlog` events wait for it, what is beyond is dropped.
    """

    url: str | None = None
    secret: SigningSecret | None = None
    kinds: tuple[EventKind, ...] = Field(default=tuple(EventKind), min_length=1)
    backlog: int = Field(default=DEFAULT_BACKLOG, ge=1, le=10_000_000)

    @field_validator("url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return None if value is None else checked_webhook_url(value)

    @property
    def told(self) -> frozenset[EventKind]:
        """What it gets; nothing without a URL."""
        return frozenset(() if self.url is None else self.kinds)


class EventSettings(PolicyModel):
    """What happens to messages, as events on JetStream: streams of retries, of dead letters, and of the rest.

    With `content` they have what the message says, too, if its payload has at most `content_limit` bytes.
    """

    enabled: bool = False
    replicas: int = Field(default=1, ge=1, le=5)
    duplicate_window: PositiveDuration = timedelta(minutes=10)
    webhook: EventWebhookSettings = EventWebhookSettings()
    content: bool = False
    content_limit: int = Field(default=16 * 1024, ge=1, le=32 * 1024)
    retry: EventStreamSettings = EventStreamSettings()
    dead: EventStreamSettings = EventStreamSettings(max_age=timedelta(days=30))
    others: EventStreamSettings = EventStreamSettings()
