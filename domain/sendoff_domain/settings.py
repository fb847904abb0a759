"""The settings of config.yaml as frozen models: one class per section, the root last.

Keys are camelCase in the file and snake_case here. Unknown keys are refused. Reading the file and the
environment is `sendoff_db.configuration`'s work.
"""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.durations import Duration, PositiveDuration
from sendoff_domain.section import Section
from sendoff_domain.webhook_url import checked_webhook_url

Port = Annotated[int, Field(ge=0, le=65535)]


class SchedulerSettings(Section):
    """The pace of one instance: every `interval` at most `batch_size` messages, `max_concurrent` in flight."""

    enabled: bool = True
    interval: PositiveDuration = timedelta(seconds=1)
    batch_size: int = Field(default=100, ge=1, le=10_000)
    max_concurrent: int = Field(default=100, ge=1, le=100_000)
    drain: bool = False
    horizon: Duration = timedelta(milliseconds=500)
    lease: PositiveDuration = timedelta(seconds=8)


class HttpSettings(Section):
    """The API server; an empty `api_keys` leaves it open (fit for loopback only)."""

    host: str = "127.0.0.1"
    port: Port = 8080
    processes: int = Field(default=1, ge=1, le=256)
    api_keys: tuple[SecretStr, ...] = ()


class WorkerSettings(Section):
    """How many worker processes one instance has; `None` is one per core."""

    processes: int | None = Field(default=None, ge=1, le=256)


class PostgresSettings(Section):
    """PostgreSQL; without `url` the embedded server is used. Set `prepared_statements` off behind an old PgBouncer."""

    url: str | None = None
    prepared_statements: bool = True
    pool_size: int = Field(default=4, ge=2, le=100)


class RedisSettings(Section):
    """Redis or Valkey: the broker and, in a database of its own, the markers of what was sent."""

    broker_url: str | None = None
    cache_url: str | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> "RedisSettings":
        if (self.broker_url is None) != (self.cache_url is None):
            raise ValueError("expected brokerUrl and cacheUrl together (two databases of one server will do)")
        if self.broker_url is not None and self.broker_url == self.cache_url:
            raise ValueError("expected cacheUrl to name another database than brokerUrl: Dramatiq runs KEYS on its own")
        return self


class NatsSettings(Section):
    """NATS: one of user and password, token, or a credentials file."""

    url: str | None = None
    user: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    creds: str | None = None
    tls: bool = False


class ControlSettings(Section):
    """`prefix` begins all subjects, channels and keys of start and stop; fleets that share servers differ in it."""

    prefix: str = Field(default="sendoff", pattern=r"^[A-Za-z0-9_-]{1,64}$")


class WebhookSettings(Section):
    """The default customer's webhook."""

    url: str | None = None
    secret: SecretStr | None = None
    timeout: PositiveDuration = timedelta(seconds=15)
    connect_timeout: PositiveDuration = timedelta(seconds=5)

    @field_validator("url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return None if value is None else checked_webhook_url(value)


class DeadLetterSettings(Section):
    """How long dead letters are kept."""

    retention: PositiveDuration = timedelta(days=30)


class PartitionSettings(Section):
    """The time range of one partition, and how many are made ahead of now."""

    every: Literal["day", "hour"] = "day"
    ahead: int = Field(default=3, ge=1, le=96)


class IngestSettings(Section):
    """JetStream ingest."""

    enabled: bool = False


class SecuritySettings(Section):
    """`allowed_networks`: private networks whose webhooks may be called all the same (CIDR)."""

    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()


class MetricsSettings(Section):
    """Whether /metrics is served."""

    enabled: bool = True


class LoggingSettings(Section):
    """What is logged, and as what."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Settings(Section):
    """All of config.yaml."""

    scheduler: SchedulerSettings = SchedulerSettings()
    http: HttpSettings = HttpSettings()
    workers: WorkerSettings = WorkerSettings()
    postgres: PostgresSettings = PostgresSettings()
    redis: RedisSettings = RedisSettings()
    nats: NatsSettings = NatsSettings()
    control: ControlSettings = ControlSettings()
    webhook: WebhookSettings = WebhookSettings()
    retry: RetryStrategy = RetryStrategy()
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    retention: PositiveDuration = timedelta(days=30)
    partitions: PartitionSettings = PartitionSettings()
    ingest: IngestSettings = IngestSettings()
    security: SecuritySettings = SecuritySettings()
    metrics: MetricsSettings = MetricsSettings()
    logging: LoggingSettings = LoggingSettings()
