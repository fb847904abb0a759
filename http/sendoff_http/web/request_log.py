"""What is kept of every request: its id, the process's numbers for Prometheus, and a line on standard error.

The lines of one turn of the event loop are written together: a line by itself costs as much as reading the request.
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec
from aiohttp import web
from multidict import istr
from prometheus_client import Counter, Histogram

from sendoff_config.identity import Identity
from sendoff_config.logging_settings import LoggingSettings
from sendoff_config.logs import escaped
from sendoff_config.metrics.customer_labels import CustomerLabels
from sendoff_config.metrics.process_metrics import ProcessMetrics, new_process_metrics
from sendoff_config.settings import MetricsSettings
from sendoff_domain.ids import Entropy
from sendoff_domain.trace_context import TRACEPARENT, TRACESTATE, read_trace, trace_id_of
from sendoff_http.web.keys import CALLER, REQUEST_ID, TRACE
from sendoff_intake.accepted_messages import AcceptedMessages

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(slots=True)
class Metrics:
    """Counters and histograms of one process of the API."""

    of_process: ProcessMetrics
    accepted: AcceptedMessages
    refused: Counter
    _requests: Counter
    _seconds: Histogram
    _series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = field(default_factory=dict)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; looking up a label costs more than counting, so each is looked up once."""
        series = self._series.get((method, route, status))
        if series is None:
            count, latency = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)
            series = self._series[method, route, status] = count, latency
        count, latency = series
        count.inc()
        latency.observe(seconds)


def make_metrics(identity: Identity, settings: MetricsSettings) -> Metrics:
    """Fresh numbers."""
    of_process = new_process_metrics(identity)
    registry = of_process.registry
    registry.register(accepted := AcceptedMessages(CustomerLabels(settings.customers)))
    return Metrics(
        of_process,
        accepted,
        Counter("sendoff_refused_messages", "Messages refused because of a full backlog", registry=registry),
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


#: As istr, because a name that is a plain str is folded anew for each request.
HEADER = istr("X-Request-Id")
_PARENT, _STATE = istr(TRACEPARENT), istr(TRACESTATE)
_ID_BYTES = 16
_PROBES = frozenset({"/health/live", "/health/ready", "/metrics"})
_is_sane = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch

#: Method, path, status, seconds, peer, request id, key, trace id.
AccessLog = Callable[[str, str, int, float, str | None, str, str | None, str | None], None]


class RequestLog:
    """Tells which request is which, and records in the metrics and in the access log how it ended."""

    def __init__(self, metrics: Metrics, settings: LoggingSettings, process: str) -> None:
        self._metrics = metrics
        self._access_log = make_access_log(settings, process)
        self._logs_probes = settings.level == "debug"
        self._entropy = Entropy(os.urandom, _ID_BYTES)

    def identify(self, request: web.Request) -> str:
        """Return the client's own id if it is a sane one, else a new one.

        The request holds it as REQUEST_ID, and its TRACE if it says that it belongs to one.
        """
        headers = request.headers
        given, parents = headers.get(HEADER), headers.getall(_PARENT, None)
        if parents is not None and (trace := read_trace(parents, headers.getall(_STATE, ()))) is not None:
            request[TRACE] = trace
        request_id = given if given is not None and _is_sane(given) else self._entropy.take().hex()
        request[REQUEST_ID] = request_id
        return request_id

    def record(self, request: web.Request, status: int, started: float) -> None:
        """Count and log a request that began at that `time.perf_counter()`.

        A health check or a scrape that succeeds is logged at the level debug only: there is one every few seconds.
        """
        seconds = time.perf_counter() - started
        resource = request.match_info.route.resource
        # A path without a route is not a label: clients could make up any number of them.
        route = resource.canonical if resource else ""
        self._metrics.observe(request.method, route, status, seconds)
        if route in _PROBES and status < 400 and not self._logs_probes:
            return
        caller = request.get(CALLER)
        key = None if caller is None else caller.id
        path = escaped(request.rel_url.raw_path)
        trace = request.get(TRACE)
        trace_id = None if trace is None else trace_id_of(trace)
        self._access_log(request.method, path, status, seconds, request.remote, request[REQUEST_ID], key, trace_id)


def make_access_log(settings: LoggingSettings, process: str) -> AccessLog:
    """A function that logs one request, as `logging` says; it does nothing above the level info."""
    if settings.level not in ("debug", "info"):
        return _nothing
    return (JsonLines if settings.format == "json" else TextLines)(process, sys.stderr.buffer).add


def _nothing(*_: object) -> None:
    return


class TextLines:
    """Lines for people. What is added in one turn of the event loop is written together in the next one."""

    def __init__(self, process: str, stream: BinaryIO) -> None:
        self._process = process
        self._stream = stream
        self._lines: list[bytes] = []
        self._ms = 0
        self._shown = ""

    def add(  # noqa: PLR0917  called for every request, where keywords cost
        self,
        method: str,
        path: str,
        status: int,
        seconds: float,
        peer: str | None,
        request_id: str,
        key: str | None,
        trace_id: str | None = None,
    ) -> None:
        """Log one request, by this turn's end."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        ms = round(seconds * 1000, 2)
        self._lines.append(self._line(method, path, status, ms, peer, request_id, key, trace_id))

    def _line(  # noqa: PLR0917  called by `add`
        self,
        method: str,
        path: str,
        status: int,
        ms: float,
        peer: str | None,
        request_id: str,
        key: str | None,
        trace_id: str | None,
    ) -> bytes:
        text = (
            f"{self._now()} [info] request process={self._process} method={method} path={path} status={status} ms={ms} "
            f"peer={peer} request_id={request_id} key={key}{'' if trace_id is None else f' trace_id={trace_id}'}\n"
        )
        return text.encode("utf-8", "backslashreplace")

    def _now(self) -> str:
        """The time to the millisecond; many lines share one text."""
        ms = time.time_ns() // 1_000_000
        if ms != self._ms:
            second, rest = divmod(ms, 1000)
            day_and_time = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._ms, self._shown = ms, f"{day_and_time}.{rest:03d}+00:00"
        return self._shown

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        self._stream.write(b"".join(lines))
        self._stream.flush()


class JsonLines(TextLines):
    """Lines for programs: one JSON object each."""

    def _line(  # noqa: PLR0917  called by `add`
        self,
        method: str,
        path: str,
        status: int,
        ms: float,
        peer: str | None,
        request_id: str,
        key: str | None,
        trace_id: str | None,
    ) -> bytes:
        line = {
            "level": "info",
            "logger": "sendoff.access",
            "timestamp": self._now(),
            "process": self._process,
            "event": "request",
            "method": method,
            "path": path,
            "status": status,
            "ms": ms,
            "peer": peer,
            "request_id": request_id,
            "key": key,
        }
        if trace_id is not None:
            line["trace_id"] = trace_id
        return msgspec.json.encode(line) + b"\n"
