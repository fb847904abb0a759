"""What the database knows of the whole fleet, alike from every API process: boards take the largest, never the sum."""

import asyncio
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import get_args

import psycopg
import structlog
from aiohttp import web
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sendoff_config.identity import Role
from sendoff_config.settings import PartitionSettings
from sendoff_db.clock import read_now
from sendoff_db.failures import describe
from sendoff_db.partitions import TABLES, list_partitions
from sendoff_db.pool import Connection, Pool
from sendoff_db.sql import Row, fetch_all, fetch_all_as, fetch_one
from sendoff_domain.jobs import FINISHED, JobKind, JobState

_log = structlog.get_logger("sendoff.http")

#: So long an answer counts (seconds): however many ask, the database is asked once.
_FRESH = 1.0
#: Up to here is counted.
_BOUND = 100_000
#: What `find_standstill.sql` tells, in its order.
_STANDSTILLS = ("short", "unclaimed", "unrecorded")
#: The states of jobs that somebody may have to look at.
_SHOWN_STATES = (*(state for state in JobState if state not in FINISHED), JobState.FAILED)
_MEANINGS = {
    "due_messages": f"Messages that are due and not claimed; counted up to {_BOUND}",
    "oldest_due_seconds": "How long the oldest of these has been due",
    "sending_messages": f"Messages that are claimed; counted up to {_BOUND}",
    "retrying_messages": f"Messages that wait for another attempt; counted up to {_BOUND} twice",
    "kept_dead_letters": f"Dead letters that are kept; counted up to {_BOUND}",
    "open_breakers": "Customers whose breakers are open",
    "oldest_open_breaker_seconds": "How long the longest of these has been open",
    "paused_customers": "Customers that are paused",
    "control_epoch": "The epoch of the state of the fleet",
    "control_revision": "The revision of the state of the fleet",
    "unconverged_processes": "Living processes that have not applied that state, or are not heard of any more",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFigures:
    """A row of `read_fleet_figures.sql`."""

    due_messages: int
    oldest_due_seconds: float
    sending_messages: int
    retrying_messages: int
    kept_dead_letters: int
    open_breakers: int
    oldest_open_breaker_seconds: float
    paused_customers: int
    is_running: bool
    control_epoch: int
    control_revision: int
    processes: Mapping[str, int]
    unconverged_processes: int


class FleetGauges(Collector):
    """The gauges of one moment; of a database that does not answer only that."""

    def __init__(
        self,
        figures: FleetFigures | None = None,
        standstills: Mapping[str, bool] | None = None,
        ahead: Mapping[str, float] | None = None,
        step: timedelta = timedelta(0),
        *,
        jobs: Sequence[Row] = (),
    ) -> None:
        """`ahead` is for each partitioned table how long its partitions of one `step` each still last (seconds).

        `jobs` are a kind, a state and a number each.
        """
        self._figures = figures
        self._standstills = standstills or {}
        self._ahead = ahead or {}
        self._step = step
        self._jobs = jobs

    def collect(self) -> Iterable[Metric]:
        """Return the gauges; `generate_latest` calls it."""
        found = self._figures
        yield GaugeMetricFamily("sendoff_database_up", "Whether PostgreSQL tells of the fleet", found is not None)
        if found is None:
            return
        for name, meaning in _MEANINGS.items():
            yield GaugeMetricFamily(f"sendoff_{name}", meaning, getattr(found, name))
        yield GaugeMetricFamily("sendoff_scheduler_running", "Whether the fleet is to send", found.is_running)
        processes = {role: found.processes.get(role, 0) for role in get_args(Role)}
        yield _labelled("processes", "Living processes of the fleet", "role", processes)
        yield _labelled("standstill", "Whether no worker gets on, and why", "reason", self._standstills)
        yield _labelled("partitions_ahead_seconds", "How long the partitions that are made do", "table", self._ahead)
        yield GaugeMetricFamily(
            "sendoff_partition_seconds", "How long one partition is (partitions.every)", self._step.total_seconds()
        )
        yield self._jobs_by_state()

    def _jobs_by_state(self) -> GaugeMetricFamily:
        meaning = "Jobs that are not finished, and those that failed within a day"
        gauge = GaugeMetricFamily("sendoff_jobs", meaning, labels=("kind", "state"))
        counts = dict.fromkeys(itertools.product(map(str, JobKind), map(str, _SHOWN_STATES)), 0)
        counts |= {(kind, state): count for kind, state, count in self._jobs}
        for labels, count in counts.items():
            gauge.add_metric(labels, count)
        return gauge


def _labelled(name: str, meaning: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"sendoff_{name}", meaning, labels=(label,))
    for value_of, value in values.items():
        gauge.add_metric((value_of,), value)
    return gauge


class FleetReader:
    """Reads the gauges of the fleet, once a second at most."""

    def __init__(self, pool: Pool, partitions: PartitionSettings) -> None:
        self._pool = pool
        self._step = timedelta(days=1) if partitions.every == "day" else timedelta(hours=1)
        self._known = FleetGauges()
        self._known_until = 0.0
        self._turn = asyncio.Lock()

    async def read(self) -> FleetGauges:
        """The gauges, a second old at most; nothing here raises."""
        async with self._turn:
            if time.monotonic() >= self._known_until:
                self._known = await self._read()
                self._known_until = time.monotonic() + _FRESH
            return self._known

    async def _read(self) -> FleetGauges:
        try:
            async with self._pool.connection() as connection:
                values = {"bound": _BOUND}
                found = await fetch_all_as(connection, __package__, "read_fleet_figures", values, kind=FleetFigures)
                return FleetGauges(
                    found[0] if found else None,
                    await _standstills(connection),
                    await _ahead(connection),
                    self._step,
                    jobs=await fetch_all(connection, __package__, "count_jobs"),
                )
        except psycopg.Error as error:
            _log.warning("metrics without the fleet", error=describe(error))
            return FleetGauges()


async def _standstills(connection: Connection) -> dict[str, bool]:
    """As `/health/ready` sees it."""
    found = await fetch_one(connection, __package__, "find_standstill") or ()
    return dict(zip(_STANDSTILLS, found, strict=False))


async def _ahead(connection: Connection) -> dict[str, float]:
    now = await read_now(connection)
    found = {table: await list_partitions(connection, table) for table in TABLES}
    return {table: (parts[-1].end - now).total_seconds() if parts else 0.0 for table, parts in found.items()}


FLEET_READER: web.AppKey[FleetReader] = web.AppKey("fleet_reader", FleetReader)
