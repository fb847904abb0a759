"""The algorithm by which Kubernetes scales on one external metric, and a fleet with a queue for it to scale."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

#: Kubernetes leaves a difference of a tenth alone, and looks every 15 seconds.
_TOLERANCE, _SYNC = 0.1, 15
#: From a new Pod to one that takes part; and how far back the query of the chart looks.
_START, _WINDOW = 45, 60


@dataclass
class Autoscaler:
    """The number of replicas that is wanted, as a HorizontalPodAutoscaler with such a `behavior` decides it."""

    behavior: dict[str, Any]
    least: int
    most: int
    advice: list[tuple[int, int]] = field(default_factory=list)
    changes: list[tuple[int, int]] = field(default_factory=list)

    def decide(self, now: int, current: int, advised: int) -> int:
        """How many there are to be from now on, where the metric advises so many."""
        self.advice.append((now, advised))
        floor = min(self._advice_within("scaleUp", now))
        ceiling = max(self._advice_within("scaleDown", now))
        wanted = floor if current < floor else min(current, ceiling)
        wanted = min(max(self._limited(now, current, wanted), self.least), self.most)
        if wanted != current:
            self.changes.append((now, wanted - current))
        return wanted

    def _advice_within(self, direction: str, now: int) -> list[int]:
        window = self.behavior[direction]["stabilizationWindowSeconds"]
        return [advised for moment, advised in self.advice if moment >= now - window]

    def _limited(self, now: int, current: int, wanted: int) -> int:
        if wanted == current:
            return current
        sign, direction = (1, "scaleUp") if wanted > current else (-1, "scaleDown")
        steps = [self._room(now, current, policy, sign) for policy in self.behavior[direction]["policies"]]
        return min(wanted, max(steps)) if sign > 0 else max(wanted, min(steps))

    def _room(self, now: int, current: int, policy: dict[str, Any], sign: int) -> int:
        recent = sum(change for moment, change in self.changes if moment > now - policy["periodSeconds"])
        start = current - recent
        if policy["type"] == "Pods":
            reached = start + sign * int(policy["value"])
        else:
            reached = math.ceil(start * (1 + sign * policy["value"] / 100))
        return max(reached, current) if sign > 0 else min(reached, current)


def by_value(metric: float, target: float, ready: int, current: int) -> int:
    """What `Value` makes of a metric: so many times the replicas that are ready."""
    ratio = metric / target
    return current if abs(ratio - 1) <= _TOLERANCE else math.ceil(ratio * ready)


def by_average_value(metric: float, target: float, _ready: int, current: int) -> int:
    """What `AverageValue` makes of it: a sum of which each replica takes its share."""
    return current if abs(metric / target / current - 1) <= _TOLERANCE else math.ceil(metric / target)


@dataclass
class Queue:
    """A fleet that sends what is due, first come first served; one replica sends one unit a second at most."""

    replicas: int
    stuck_for: float = 0.0
    now: int = 0
    arrivals: deque[tuple[int, float]] = field(default_factory=deque)
    ready_since: list[int] = field(default_factory=list)
    history: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    def __post_init__(self) -> None:
        """Start with all replicas ready."""
        self.ready_since = [0] * self.replicas

    @property
    def ready(self) -> int:
        """The replicas that take part by now."""
        return sum(since <= self.now for since in self.ready_since)

    @property
    def lateness(self) -> float:
        """How long the oldest message that can be sent has been due."""
        return self.now - self.arrivals[0][0] if self.arrivals else 0

    @property
    def oldest_due(self) -> float:
        """`sendoff_oldest_due_seconds`, with what a paused customer keeps waiting."""
        return max(self.lateness, self.stuck_for)

    @property
    def busy(self) -> float:
        """The share of what the fleet could have sent within the window."""
        return sum(sent for sent, _ in self.history) / max(sum(ready for _, ready in self.history), 1)

    def scale(self, replicas: int) -> None:
        """Add replicas, which start, or take away the newest ones."""
        del self.ready_since[replicas:]
        self.ready_since += [self.now + _START] * (replicas - len(self.ready_since))

    def pass_second(self, load: float) -> None:
        """Take in so many units, and send what can be sent."""
        self.now += 1
        self.arrivals.append((self.now, load))
        room = float(self.ready)
        while self.arrivals and room > 1e-9:
            moment, units = self.arrivals.popleft()
            sent = min(units, room)
            room -= sent
            if units - sent > 1e-9:
                self.arrivals.appendleft((moment, units - sent))
        self.history.append((self.ready - max(room, 0.0), self.ready))


Metric = Callable[[Queue], float]
Rule = Callable[[float, float, int, int], int]


def replay(
    loads: list[float], autoscaler: Autoscaler, metric: Metric, target: float, *, queue: Queue, rule: Rule = by_value
) -> Iterator[tuple[int, float]]:
    """The replicas and the lateness of each second of those loads."""
    current = queue.replicas
    for load in loads:
        queue.pass_second(load)
        if queue.now % _SYNC == 0:
            advised = rule(metric(queue), target, queue.ready, current)
            current = autoscaler.decide(queue.now, current, advised)
            queue.scale(current)
        yield current, queue.lateness
