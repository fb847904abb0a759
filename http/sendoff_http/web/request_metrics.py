"""The numbers of one API process for Prometheus."""

from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(slots=True)
class Metrics:
    """Counters and histograms of one process, in a registry of their own."""

    registry: CollectorRegistry
    accepted: Counter
    _requests: Counter
    _seconds: Histogram
    _counts: dict[tuple[str, str, int], Counter] = field(default_factory=dict)
    _latencies: dict[tuple[str, str], Histogram] = field(default_factory=dict)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; looking up a label costs more than counting, so each is looked up once."""
        count = self._counts.get((method, route, status))
        if count is None:
            count = self._counts[method, route, status] = self._requests.labels(method, route, str(status))
        latency = self._latencies.get((method, route))
        if latency is None:
            latency = self._latencies[method, route] = self._seconds.labels(method, route)
        count.inc()
        latency.observe(seconds)


def make_metrics() -> Metrics:
    """Fresh numbers; with PROMETHEUS_MULTIPROC_DIR set before start they are shared with the sister processes."""
    registry = CollectorRegistry()
    return Metrics(
        registry,
        Counter("sendoff_accepted_messages", "Messages accepted and stored", registry=registry),
        Counter("sendoff_http_requests", "Requests answered", ("method", "route", "status"), registry=registry),
        Histogram(
            "sendoff_http_request_seconds",
            "Time to the answer",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        ),
    )


METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)
