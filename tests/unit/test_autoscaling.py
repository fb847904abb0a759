"""The formula of the Helm chart over a replayed load: it follows, and does not flap."""

import random
from dataclasses import dataclass
from itertools import pairwise

import pytest
import yaml

from support.autoscaler import Autoscaler, Metric, Queue, Rule, by_average_value, by_value, replay
from support.layout import ROOT

VALUES = yaml.safe_load((ROOT / "deploy/helm/sendoff/values.yaml").read_text(encoding="utf-8"))["autoscaling"]
TARGET, TOLERATED, MOST = float(VALUES["target"]), float(VALUES["tolerated"]), int(VALUES["max"])
#: What one replica is to do, of the one unit a second that it can.
SHARE = 0.65
MINUTE = 60


def busy_and_late(queue: Queue) -> float:
    """The query of the chart's ScaledObject."""
    return queue.busy * (1 + min(queue.oldest_due / TOLERATED, 1))


def late_alone(queue: Queue) -> float:
    """What is tempting: the lateness, cut so that it doubles the fleet at most."""
    return min(queue.oldest_due / TOLERATED, 2) * TARGET


def steps(*levels: float, minutes: int = 30) -> list[float]:
    return [level * SHARE for level in levels for _ in range(minutes * MINUTE)]


def slopes(*levels: float, minutes: int = 30) -> list[float]:
    count = minutes * MINUTE
    return [
        (before + (after - before) * second / count) * SHARE
        for before, after in pairwise(levels)
        for second in range(count)
    ]


def noisy(loads: list[float], seed: int) -> list[float]:
    """The same with a tenth more or less, anew every ten seconds."""
    chance = random.Random(seed)
    factors = [chance.uniform(0.9, 1.1) for _ in range(len(loads) // 10 + 1)]
    return [load * factors[second // 10] for second, load in enumerate(loads)]


@dataclass(frozen=True)
class Outcome:
    """What became of a replayed load."""

    replicas: list[int]
    lateness: list[float]

    @property
    def turns(self) -> int:
        """How often it changed from growing to shrinking or back."""
        moves = [after - before for before, after in pairwise(self.replicas) if after != before]
        return sum((first > 0) != (second > 0) for first, second in pairwise(moves))


def outcome(loads: list[float], metric: Metric = busy_and_late, rule: Rule = by_value, stuck_for: float = 0) -> Outcome:
    autoscaler = Autoscaler(VALUES["behavior"], least=1, most=MOST)
    queue = Queue(replicas=1, stuck_for=stuck_for)
    told = list(replay(loads, autoscaler, metric, TARGET, queue=queue, rule=rule))
    return Outcome([replicas for replicas, _ in told], [lateness for _, lateness in told])


LOADS = {
    "steps": steps(1, 8, 8, 1, 1),
    "slopes": slopes(1, 1, 8, 8, 1, 1, 1),
    **{f"noise-{seed}": noisy(steps(1, 8, 8, 1, 1), seed) for seed in range(3)},
}


@pytest.mark.parametrize("name", LOADS)
def test_it_follows_a_load_up_and_down_and_turns_once(name: str) -> None:
    found = outcome(LOADS[name])
    assert 7 <= max(found.replicas) <= MOST
    assert (found.replicas[0], found.replicas[-1]) == (1, 1)
    assert found.turns == 1
    assert max(found.lateness) < 2 * MINUTE
    assert max(found.lateness[-30 * MINUTE :]) <= 1


def test_it_rests_while_the_load_does() -> None:
    found = outcome(noisy(steps(8, minutes=180), seed=7))
    settled = found.replicas[60 * MINUTE :]
    assert set(settled) == {settled[0]}


def test_lateness_alone_flaps_since_it_is_nothing_as_soon_as_all_is_well() -> None:
    assert outcome(steps(8, minutes=180), late_alone).turns > 4


def test_what_a_paused_customer_keeps_waiting_does_not_pin_the_fleet() -> None:
    found = outcome(steps(1, minutes=120), stuck_for=86400)
    assert max(found.replicas) <= 3
    assert (found.replicas[-1], found.turns) == (2, 1)
    assert set(outcome(steps(1, minutes=120), late_alone, stuck_for=86400).replicas[60 * MINUTE :]) == {MOST}


def test_as_a_sum_to_be_shared_out_it_never_gets_there() -> None:
    found = outcome(steps(8, minutes=60), rule=by_average_value)
    assert max(found.replicas) < 8
    assert found.lateness[-1] > 10 * MINUTE
