"""An OpenTelemetry collector: a real server that takes OTLP over HTTP and keeps the spans."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.instances import Launcher
from support.receiver import Receiver, running_receiver


@dataclass(frozen=True, slots=True)
class CollectedSpan:
    """A span as it arrived; ids in hexadecimal digits, times in Unix nanoseconds."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    starts: int
    ends: int
    is_error: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Collector:
    """What it got; `server` can be told to answer otherwise."""

    server: Receiver

    @property
    def bytes(self) -> bytes:
        """All that came."""
        return b"".join(one.body for one in self.server.received)

    def trace_by(self, launch: Launcher) -> None:
        """Let the processes that are started from now on export to it."""
        launch.environment |= {"SENDOFF_TRACING__ENABLED": "true", "SENDOFF_TRACING__ENDPOINT": self.server.url}

    def spans(self) -> list[CollectedSpan]:
        """All spans, the earliest first."""
        return sorted(
            (span for one in self.server.received for span in _spans(one.body)),
            key=lambda span: (span.starts, span.ends),
        )


@contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector on a free loopback port for as long as the block lasts."""
    with running_receiver() as server:
        server.answer(200)
        yield Collector(server)


def _spans(body: bytes) -> Iterator[CollectedSpan]:
    for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _attributes(of_process.resource.attributes)
        for scope in of_process.scope_spans:
            for span in scope.spans:
                yield CollectedSpan(
                    name=span.name,
                    kind=span.kind,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    starts=span.start_time_unix_nano,
                    ends=span.end_time_unix_nano,
                    is_error=span.status.code == span.status.STATUS_CODE_ERROR,
                    attributes=_attributes(span.attributes),
                    resource=resource,
                )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
