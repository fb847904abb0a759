"""What counting for Prometheus costs: the rate and the CPU time of delivering with metrics, next to none, in turn."""

import tempfile
from dataclasses import dataclass

from bench.backlog import insert_due, refresh
from bench.deliver import PAID, WARM_UP, Round, deliver
from bench.installation import installation
from bench.series import Figures, Series, beside
from bench.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Turn:
    """A backlog delivered."""

    delivered: Round

    @property
    def rate(self) -> float:
        """Messages a second."""
        return len(set(self.delivered.arrivals.ids)) / (self.delivered.arrivals.span or 1)

    def cpu(self, *groups: str) -> float:
        """CPU seconds for a thousand messages."""
        return sum(self.delivered.cpu[name] for name in groups) * 1000 / len(self.delivered.planned)

    @property
    def lost(self) -> int:
        """How many messages did not arrive."""
        return self.delivered.arrivals.lost({message.id for message in self.delivered.planned})


def measure_metrics(around: Surroundings) -> Figures:
    """Each turn has an installation of its own; one without metrics stands on either side of each with them."""
    without, counted = [_turn(around, "before", enabled=False)], list[Turn]()
    for number in range(around.scale.pairs):
        counted.append(_turn(around, f"with_{number}", enabled=True))
        without.append(_turn(around, f"without_{number}", enabled=False))
    return {"metrics": _figures(counted, without)}


def _turn(around: Surroundings, name: str, *, enabled: bool) -> Turn:
    with (
        tempfile.TemporaryDirectory() as folder,
        installation(around, f"metrics_{name}") as site,
    ):
        workers = site.workers(processes=2, METRICS__ENABLED=str(enabled).lower(), METRICS_FOLDER=folder)
        pids = [process.popen.pid for process in workers]
        deliver(site, insert_due(site.db, min(WARM_UP, around.scale.messages)), pids)
        planned = insert_due(site.db, around.scale.messages)
        refresh(site.db)
        return Turn(deliver(site, planned, pids))


def _figures(counted: list[Turn], without: list[Turn]) -> dict[str, Series]:
    def series(unit: str, values: list[float], bare: list[float]) -> Series:
        return Series(unit, tuple(values), beside(bare))

    return {
        "rate": series("msg/s", [turn.rate for turn in counted], [turn.rate for turn in without]),
        "cpu": series("s/1000", [turn.cpu(*PAID) for turn in counted], [turn.cpu(*PAID) for turn in without]),
        "cpu workers": series(
            "s/1000", [turn.cpu("workers") for turn in counted], [turn.cpu("workers") for turn in without]
        ),
        "lost": Series("", tuple(turn.lost for turn in (*counted, *without))),
    }
