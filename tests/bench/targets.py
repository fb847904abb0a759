"""The targets of this project, each with the figure that decides it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bench.series import Figures, Series

Read = Callable[[Figures], float | None]


@dataclass(frozen=True, slots=True)
class Target:
    """A bound; `read` finds the figure, or None when it was not measured."""

    what: str
    read: Read
    bound: float
    at_least: bool = False

    @property
    def wanted(self) -> str:
        """The bound as a person reads it."""
        return f"{'>=' if self.at_least else '<='} {self.bound:,g}" if self.bound or self.at_least else "0"

    def verdict(self, figures: Figures) -> tuple[float | None, str]:
        """The figure, and whether it is good enough; a figure that is no number never is."""
        value = self.read(figures)
        if value is None:
            return None, "not measured"
        met = not math.isnan(value) and (value >= self.bound if self.at_least else value <= self.bound)
        return value, "met" if met else "missed"


def _median(section: str, name: str) -> Read:
    return _of(section, name, lambda series: series.median)


def _ratio(section: str, name: str) -> Read:
    return _of(section, name, lambda series: series.ratio)


def _of(section: str, name: str, value: Callable[[Series], float | None]) -> Read:
    def read(figures: Figures) -> float | None:
        series = figures.get(section, {}).get(name)
        return None if series is None else value(series)

    return read


def _batch(figures: Figures) -> float | None:
    rates = [figures[name]["rate"].median for name in figures if name.startswith("accept batch")]
    return min(rates) if rates else None


def _largest_worker(figures: Figures) -> float | None:
    """The largest worker process after any round of delivering."""
    series = figures.get("deliver", {})
    sizes = [max(one.rounds) for name, one in series.items() if name.startswith("memory worker")]
    return max(sizes) if sizes else None


def _slowest_list(figures: Figures) -> float | None:
    return max((series.median for series in figures.get("flat lists", {}).values()), default=None)


def _slowest_page(figures: Figures) -> float | None:
    return max((series.median for series in figures.get("admin p99", {}).values()), default=None)


def _longest(section: str, name: str) -> Read:
    return _of(section, name, lambda series: max(series.rounds))


def _sum(name: str) -> Read:
    def read(figures: Figures) -> float | None:
        found = [sum(section[name].rounds) for section in figures.values() if name in section]
        return sum(found) if found else None

    return read


TARGETS = (
    Target("deliver: rate / bare aiohttp", _ratio("deliver", "rate"), 0.90, at_least=True),
    Target("deliver: CPU s per 1,000", _median("deliver", "cpu"), 0.12),
    Target("lateness p99 at 200/s, ms", _median("lateness 200/s", "p99"), 3),
    Target("lateness p99 at 1,000/s, ms", _median("lateness 1000/s", "p99"), 15),
    Target("lateness p99 beside a hanging customer / without", _ratio("isolation", "p99"), 1.5),
    Target("early", _sum("early"), 0),
    Target("duplicates", _sum("duplicates"), 0),
    Target("lost", _sum("lost"), 0),
    Target("accept single: rate / bare aiohttp", _ratio("accept single", "rate"), 0.5, at_least=True),
    Target("accept batch: msg/s, the slower format", _batch, 50_000, at_least=True),
    Target("stop p99, ms", _median("stop", "p99"), 100),
    Target("idle instance, % of a core", _median("idle", "instance"), 3),
    Target("largest worker under load, MiB", _largest_worker, 120),
    Target("JetStream ingest: msg/s", _median("ingest", "rate"), 20_000, at_least=True),
    Target("ingest p99 beside a flooding customer / without", _ratio("fairness", "p99"), 1.1),
    Target("events: cost for deliver, %", _median("events", "cost"), 5),
    Target("metrics: rate with them / without", _ratio("metrics", "rate"), 0.99, at_least=True),
    Target("claim in full tables / empty ones", _ratio("flat", "claim 500"), 1.5),
    Target("record in full tables / empty ones", _ratio("flat", "record 250"), 1.5),
    Target("claim under an old snapshot / without", _ratio("flat", "last claims, pinned"), 2),
    Target("slowest list in full tables, ms", _slowest_list, 50),
    Target("slowest admin page in full tables, p99, ms", _slowest_page, 100),
    Target("recovery of a killed worker, s", _longest("recovery", "seconds"), 10),
)
