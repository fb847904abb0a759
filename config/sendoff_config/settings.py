"""The settings of config.yaml as frozen models: one class per section, the root last.

Keys are camelCase in the file and snake_case here. Unknown keys are refused. Reading the file and the
environment is `sendoff_config.loading`'s work.
"""

import re
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from sendoff_config.event_settings import EventSettings
from sendoff_config.ingest_settings import IngestSettings
from sendoff_config.logging_settings import LoggingSettings
from sendoff_config.secret_texts import WITH_PASSWORD_OR_NONE, ApiSecret, EncryptionKey, ServerSecret, SigningSecret
from sendoff_config.tracing_settings import TracingSettings
from sendoff_domain.access import Caller, KeyName, KeyPolicy, Role, key_digest
from sendoff_domain.backoff import RetryStrategy
from sendoff_domain.breaker import BreakerPolicy
from sendoff_domain.document_model import PolicyModel
from sendoff_domain.limits import Limits
from sendoff_domain.response_rule.rule import ResponseRule
from sendoff_domain.times import Duration, PositiveDuration
from sendoff_domain.validation_errors import mistake_at
from sendoff_domain.webhook_addresses import DEFAULT_PORTS, AllowedNetwork, Ports
from sendoff_domain.webhook_headers import Headers
from sendoff_domain.webhook_url import Server, check_port, checked_webhook_url, is_trusted

_is_host_name = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*").fullmatch


def _host_name(text: str) -> str:
    if not _is_host_name(text):
        raise ValueError("expected a name such as sendoff.example.org, without a port")
    return text.lower()


def _address(example: str, *schemes: str, several: bool = False) -> AfterValidator:
    """One URL with one of the schemes; `several` of them have commas between."""

    def check(text: str) -> str:
        urls = text.split(",") if several else [text]
        if not all(one.strip().startswith(tuple(f"{scheme}://" for scheme in schemes)) for one in urls):
            raise ValueError(f"expected an address such as {example}")
        return text

    return AfterValidator(check)


Port = Annotated[int, Field(ge=0, le=65535)]
PostgresUrl = Annotated[
    str, _address("postgresql://user:password@host:5432/database", "postgresql", "postgres"), WITH_PASSWORD_OR_NONE
]
RedisUrl = Annotated[str, _address("redis://:password@host:6379/0", "redis", "rediss", "unix"), WITH_PASSWORD_OR_NONE]
NatsUrl = Annotated[str, _address("nats://host:4222", "nats", "tls", "ws", "wss", several=True), WITH_PASSWORD_OR_NONE]
HostName = Annotated[str, AfterValidator(_host_name)]


class SchedulerSettings(PolicyModel):
    """The pace of one instance: every `interval` at most `batch_size` messages, `max_concurrent` in flight."""

    enabled: bool = True
    interval: PositiveDuration = timedelta(seconds=1)
    batch_size: int = Field(default=100, ge=1, le=10_000)
    max_concurrent: int = Field(default=100, ge=1, le=100_000)
    drain: bool = False
    horizon: Duration = timedelta(milliseconds=500)
    lease: PositiveDuration = timedelta(seconds=8)


class ConfiguredKey(KeyPolicy):
    """A key of the API in the file; a mere text is a secret that may do everything."""

    name: KeyName | None = None  # type: ignore[assignment]  # needed only where something is said of the secret
    secret: ApiSecret

    @model_validator(mode="before")
    @classmethod
    def _secret_alone(cls, value: object) -> object:
        return {"secret": value, "role": Role.ADMIN} if isinstance(value, str) else value


class HttpSettings(PolicyModel):
    """The API server. Without `api_keys` whoever reaches it may do everything, where `open` allows that.

    Where it does not, a key of the database is needed.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    processes: int = Field(default=1, ge=1, le=256)
    api_keys: tuple[ConfiguredKey, ...] = ()
    open: Literal["loopback", "anywhere", "never"] = "loopback"
    hosts: tuple[HostName, ...] = ()
    max_connections: int = Field(default=1_000, ge=16, le=1_000_000)
    shutdown_delay: Duration = timedelta(0)

    @field_validator("api_keys")
    @classmethod
    def _each_once(cls, keys: tuple[ConfiguredKey, ...]) -> tuple[ConfiguredKey, ...]:
        for what, found in (
            ("secret", [key.secret.get_secret_value() for key in keys]),
            ("name", [key.name for key in keys if key.name is not None]),
        ):
            if len(set(found)) < len(found):
                raise ValueError(f"expected each {what} once")
        return keys

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches the API."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:  # a name, or nothing, which is every address
            return self.host == "localhost"

    @property
    def needs_key(self) -> bool:
        """Whether a request must carry a key."""
        return bool(self.api_keys) or self.open == "never"

    @property
    def callers(self) -> dict[bytes, Caller]:
        """The keys of the file, by the digests of their secrets."""
        return {
            key_digest(key.secret.get_secret_value()): Caller(
                f"config:{key.name or number}", frozenset(key.granted), key.customer, key.rate
            )
            for number, key in enumerate(self.api_keys, 1)
        }


class WorkerSettings(PolicyModel):
    """How many worker processes one instance has; `None` is one per core.

    One that is stopped waits up to `shutdown_timeout` for the requests that are on the wire.
    """

    processes: int | None = Field(default=None, ge=1, le=256)
    shutdown_timeout: PositiveDuration = timedelta(minutes=5)


class PostgresSettings(PolicyModel):
    """PostgreSQL; without `url` the embedded server is used. Set `prepared_statements` off behind an old PgBouncer.

    The URL may name several hosts, of which the one that takes writes is used. A statement that is not answered within
    `timeout` ends its connection.
    """

    url: PostgresUrl | None = None
    prepared_statements: bool = True
    pool_size: int = Field(default=4, ge=2, le=100)
    timeout: PositiveDuration = timedelta(seconds=5)


class RedisSettings(PolicyModel):
    """Redis or Valkey: the broker and, in a database of its own, the markers of what was sent.

    A marker lives for `marker_life` while PostgreSQL has not recorded what it tells.
    """

    broker_url: RedisUrl | None = None
    cache_url: RedisUrl | None = None
    marker_life: PositiveDuration = timedelta(hours=6)

    @model_validator(mode="after")
    def _both_or_none(self) -> "RedisSettings":
        if (self.broker_url is None) != (self.cache_url is None):
            raise ValueError("expected brokerUrl and cacheUrl together (two databases of one server will do)")
        if self.broker_url is not None and self.broker_url == self.cache_url:
            raise ValueError("expected cacheUrl to name another database than brokerUrl: Dramatiq runs KEYS on its own")
        return self


class NatsSettings(PolicyModel):
    """NATS: one of user and password, token, or a credentials file."""

    url: NatsUrl | None = None
    user: str | None = None
    password: ServerSecret | None = None
    token: ServerSecret | None = None
    creds: str | None = None
    tls: bool = False

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> "NatsSettings":
        if (self.user is None) != (self.password is None):
            raise ValueError("expected user and password together")
        if sum(way is not None for way in (self.user, self.token, self.creds)) > 1:
            raise ValueError("expected only one of user and password, token, or creds")
        return self


class ControlSettings(PolicyModel):
    """`prefix` begins all subjects, channels and keys of start and stop; fleets that share servers differ in it."""

    prefix: str = Field(default="sendoff", pattern=r"^[A-Za-z0-9_-]{1,64}$")


class WebhookSettings(PolicyModel):
    """The default customer's webhook, and which servers it alone may name whatever else may be called."""

    url: str | None = None
    secret: SigningSecret | None = None
    timeout: PositiveDuration = timedelta(seconds=15)
    connect_timeout: PositiveDuration = timedelta(seconds=5)
    headers: Headers = Field(default_factory=dict)
    trusted: tuple[Server, ...] = ()
    response_rule: ResponseRule = ResponseRule()

    @field_validator("url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return None if value is None else checked_webhook_url(value)


class DeadLetterSettings(PolicyModel):
    """How long dead letters are kept."""

    retention: PositiveDuration = timedelta(days=30)


class PartitionSettings(PolicyModel):
    """The time range of one partition, and how many are made ahead of now."""

    every: Literal["day", "hour"] = "day"
    ahead: int = Field(default=3, ge=1, le=96)


class SecuritySettings(PolicyModel):
    """Private networks whose webhooks may be called all the same (CIDR), and the ports that may be called at all.

    Never called are the servers that the settings name, and those of this installation that `own_servers` adds.
    The first of `encryption_keys` seals the signing keys that are stored, any of them opens.
    """

    allowed_networks: tuple[AllowedNetwork, ...] = ()
    allowed_ports: tuple[Ports, ...] = Field(default=DEFAULT_PORTS, min_length=1)
    own_servers: tuple[Server, ...] = ()
    encryption_keys: tuple[EncryptionKey, ...] = ()


class MetricsSettings(PolicyModel):
    """Whether there are numbers for Prometheus, where they are without a key, and how many customers have their own."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port | None = None
    customers: int = Field(default=100, ge=0, le=10_000)


class Settings(PolicyModel):
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
    limits: Limits = Limits()
    breaker: BreakerPolicy = BreakerPolicy()
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    retention: PositiveDuration = timedelta(days=30)
    partitions: PartitionSettings = PartitionSettings()
    ingest: IngestSettings = IngestSettings()
    events: EventSettings = EventSettings()
    security: SecuritySettings = SecuritySettings()
    metrics: MetricsSettings = MetricsSettings()
    logging: LoggingSettings = LoggingSettings()
    tracing: TracingSettings = TracingSettings()

    @model_validator(mode="after")
    def _sections_agree(self) -> "Settings":
        url = self.webhook.url
        try:
            if url is not None and not is_trusted(url, self.webhook.trusted):
                check_port(url, self.security.allowed_ports)
        except ValueError as mistaken:
            raise mistake_at(("webhook", "url"), url, mistaken) from None
        try:
            if self.events.webhook.url is not None:
                check_port(self.events.webhook.url, self.security.allowed_ports)
        except ValueError as mistaken:
            raise mistake_at(("events", "webhook", "url"), self.events.webhook.url, mistaken) from None
        if self.redis.marker_life < 2 * self.scheduler.lease:
            raise mistake_at(("redis", "markerLife"), None, ValueError("expected at least twice scheduler.lease"))
        return self
