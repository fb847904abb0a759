"""The numbers of one process: a registry of its own, and what every process tells of itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector

from sendoff_config.identity import Identity
from sendoff_config.metrics.families import Gathered, read_families
from sendoff_config.metrics.folder import metrics_folder, read_folder, remove_families, write_families
from sendoff_config.service import run_services

_log = structlog.get_logger("sendoff.metrics")

#: How often a process leaves its numbers for others (seconds).
_EVERY = 2.0
_DELAYS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


@dataclass(frozen=True, slots=True)
class ProcessMetrics:
    """The registry of a process, its name among those of its instance, and where they leave their numbers."""

    process: str
    registry: CollectorRegistry
    loop_delay: Histogram
    folder: Path | None

    def gather(self) -> Gathered:
        """The numbers of this process now, and what the others of its instance left last."""
        others = {} if self.folder is None else read_folder(self.folder)
        return Gathered({**others, self.process: read_families(self.registry)})


def new_process_metrics(identity: Identity) -> ProcessMetrics:
    """Fresh numbers: what the kernel knows of this process, how late its event loop is, and who it is."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    info = Gauge(
        "sendoff_process_info", "One for each process that runs", ("role", "version", "member"), registry=registry
    )
    info.labels(identity.role, identity.version, identity.instance).set(1)
    loop_delay = Histogram(
        "sendoff_event_loop_delay_seconds",
        "How late the event loop came to a timer, looked at every two seconds",
        buckets=_DELAYS,
        registry=registry,
    )
    return ProcessMetrics(f"{identity.role}-{identity.process}", registry, loop_delay, metrics_folder())


@asynccontextmanager
async def exported(metrics: ProcessMetrics, *, enabled: bool) -> AsyncIterator[None]:
    """Leave the numbers of this process in the instance's folder, as long as the block lasts."""
    if not enabled:
        yield
        return
    async with run_services(MetricsExport(metrics)):
        yield
    if metrics.folder is not None:
        remove_families(metrics.folder, metrics.process)


class MetricsExport:
    """The service that leaves the numbers of this process for the one that serves them."""

    name = "metrics export"

    def __init__(self, metrics: ProcessMetrics) -> None:
        self._metrics = metrics
        self._has_failed = False

    async def wait(self) -> None:
        """Wait two seconds, and see how much longer it was."""
        began = time.monotonic()
        await asyncio.sleep(_EVERY)
        self._metrics.loop_delay.observe(max(0.0, time.monotonic() - began - _EVERY))

    async def run_once(self) -> None:
        """Write them; where that can't be done it is said once, and everything else goes on."""
        if self._metrics.folder is None:
            return
        try:
            write_families(self._metrics.folder, self._metrics.process, read_families(self._metrics.registry))
        except OSError as error:
            if not self._has_failed:
                _log.warning("the metrics of this process can't be left for others", error=str(error))
            self._has_failed = True
            return
        self._has_failed = False
