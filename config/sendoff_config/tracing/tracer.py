"""Spans of what happens to messages, as everything that makes them sees it, and from where a process has its tracer.

Where tracing is off there is no tracer, and nothing of OpenTelemetry is imported.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Literal, Protocol

from sendoff_config.identity import Identity
from sendoff_config.tracing_settings import TracingSettings

Kind = Literal["server", "client", "internal"]
#: Never a content, a header, a path or a query: ids, numbers and names of hosts.
Attributes = Mapping[str, str | int]

#: Names of attributes that OpenTelemetry has no name for.
MESSAGE_ID, CUSTOMER, ATTEMPT, MESSAGES = (
    "sendoff.message.id",
    "sendoff.customer",
    "sendoff.attempt",
    "sendoff.messages",
)


class Span(Protocol):
    """A span that has begun; one that is never ended is never exported."""

    @property
    def trace(self) -> str:
        """What goes on to what happens within it (`sendoff_domain.trace_context`)."""
        ...

    def describe(self, attributes: Attributes) -> None:
        """Add attributes."""
        ...

    def end(self, at: float, error: str | None = None) -> None:
        """End it at that moment (Unix seconds), with the class of its `error` if there was one."""
        ...


class Tracer(Protocol):
    """Makes the spans of one process."""

    def begin(
        self, name: str, kind: Kind, trace: str | None, *, at: float, attributes: Attributes | None = None
    ) -> Span | None:
        """Begin a span of that trace, or of a new one, at that moment (Unix seconds); None if it is not sampled."""
        ...


def is_installed() -> bool:
    """Whether the extra `traces` is installed."""
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http.trace_exporter") is not None
    except ModuleNotFoundError:
        return False


@asynccontextmanager
async def open_tracer(settings: TracingSettings, identity: Identity) -> AsyncIterator[Tracer | None]:
    """The tracer of a process, or None where tracing is off; on leaving, what is left is exported."""
    if not settings.enabled:
        yield None
        return
    from sendoff_config.tracing.open_telemetry import close, make_provider, new_tracer

    provider = make_provider(settings, identity)
    try:
        yield new_tracer(provider)
    finally:
        await close(provider, settings.timeout.total_seconds())
