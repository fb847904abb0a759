"""The tracer of OpenTelemetry's SDK, which exports in a thread of its own: making a span never waits for it.

What is not exported yet is in a queue with a limit, from which the oldest go. Only `tracer` imports this module, and
only where tracing is on.
"""

import asyncio
import contextlib
import threading

from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from sendoff_config.identity import Identity
from sendoff_config.tracing.tracer import Attributes, Kind, Tracer
from sendoff_config.tracing_settings import TracingSettings
from sendoff_domain.trace_context import is_sampled, parse_trace, write_trace

#: How long spans wait for others (milliseconds), and how many go at once.
_DELAY, _MOST_AT_ONCE = 1000, 512
_KINDS = {"server": api.SpanKind.SERVER, "client": api.SpanKind.CLIENT, "internal": api.SpanKind.INTERNAL}


def make_provider(settings: TracingSettings, identity: Identity) -> TracerProvider:
    """What makes and exports the spans of this process, until it is closed; nothing global knows it."""
    exporter = OTLPSpanExporter(
        endpoint=settings.endpoint, timeout=settings.timeout.total_seconds(), compression=Compression.Gzip
    )
    resource = {
        "service.name": "sendoff",
        "service.version": identity.version,
        "service.instance.id": identity.name,
        "sendoff.role": identity.role,
    }
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.sample)),
        resource=Resource.create(resource),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=settings.queue,
            schedule_delay_millis=_DELAY,
            max_export_batch_size=min(_MOST_AT_ONCE, settings.queue),
        )
    )
    return provider


def new_tracer(provider: TracerProvider) -> Tracer:
    """The tracer of this process."""
    return _Tracer(provider.get_tracer("sendoff"))


async def close(provider: TracerProvider, patience: float) -> None:
    """Export what is left for `patience` seconds at most: a collector that does not answer holds up no end."""
    loop, is_over = asyncio.get_running_loop(), asyncio.Event()

    def end() -> None:
        provider.shutdown()
        with contextlib.suppress(RuntimeError):  # nobody waits any more, the loop is closed
            loop.call_soon_threadsafe(is_over.set)

    threading.Thread(target=end, name="tracing-end", daemon=True).start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await is_over.wait()


class _Span:
    __slots__ = ("_span", "trace")

    def __init__(self, span: api.Span, trace: str) -> None:
        self._span = span
        self.trace = trace

    def describe(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def end(self, at: float, error: str | None = None) -> None:
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(api.StatusCode.ERROR)
        self._span.end(_nanoseconds(at))


class _Tracer:
    def __init__(self, tracer: api.Tracer) -> None:
        self._tracer = tracer

    def begin(
        self, name: str, kind: Kind, trace: str | None, *, at: float, attributes: Attributes | None = None
    ) -> _Span | None:
        if trace is not None and not is_sampled(trace):
            return None
        span = self._tracer.start_span(
            name, _context_of(trace), kind=_KINDS[kind], attributes=attributes, start_time=_nanoseconds(at)
        )
        if not span.is_recording():
            return None
        own = span.get_span_context()
        return _Span(span, write_trace(own.trace_id, own.span_id, own.trace_flags, trace))


def _context_of(trace: str | None) -> Context:
    """A context with nothing in it but the parent."""
    if trace is None:
        return Context()
    trace_id, span_id, flags = parse_trace(trace)
    parent = api.SpanContext(trace_id, span_id, is_remote=True, trace_flags=api.TraceFlags(flags))
    return api.set_span_in_context(api.NonRecordingSpan(parent), Context())


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
