"""What deliveries come to, for Prometheus and for the hours of each customer.

All of it is counted in plain numbers, for all that was recorded together, since a message costs 90 µs in all.
"""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from sendoff_actors.sender.holdings import ClaimedMessage
from sendoff_actors.sender.markers import Marker
from sendoff_config.metrics.bucket_counts import BucketCounts, count_ascending
from sendoff_config.metrics.customer_labels import CustomerLabels
from sendoff_domain.lateness import LATENESS_BOUNDS
from sendoff_domain.outcome import Failed

_DURATIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)
_DELIVERED = "delivered"
_HOUR = 3600
#: Hours of customers that wait to be written while the database takes none; beyond, they are not counted.
_MOST_WAITING = 100_000

#: Whose hour it is: the incarnation of the customer, its id, and the hour's number since 1970.
HourKey = tuple[int, str, int]


@dataclass(slots=True)
class CustomerCounts:
    """What came of the requests of one customer: the delivered ones by their lateness, the failed ones by why."""

    customer: str
    lateness: list[int] = field(default_factory=lambda: [0] * (len(LATENESS_BOUNDS) + 1))
    latest: float = 0.0
    failed: Counter[str] = field(default_factory=Counter)
    dead: int = 0

    def add(self, other: "CustomerCounts") -> None:
        """Count what was counted elsewhere, too."""
        self.lateness = [one + another for one, another in zip(self.lateness, other.lateness, strict=True)]
        self.latest = max(self.latest, other.latest)
        self.failed += other.failed
        self.dead += other.dead


class DeliveryMetrics(Collector):
    """Counts the outcomes of a process by customer, how late its requests were, and how long they took.

    Late is a request by the time that its message was due: what held it meanwhile, a stop, a pause, a breaker, a rate
    or a dead worker, makes it late. A retry is due when it was planned for.
    """

    def __init__(self, customers: CustomerLabels) -> None:
        self._customers = customers
        #: By incarnation, what was counted since the last time that somebody looked.
        self._fresh: dict[int, CustomerCounts] = {}
        self._hours: dict[HourKey, CustomerCounts] = {}
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._dead: Counter[str] = Counter()
        self._lateness = BucketCounts(LATENESS_BOUNDS)
        self._durations = BucketCounts(_DURATIONS)
        self._duplicates_avoided = 0

    def count_delivered(self, sent: Sequence[tuple[ClaimedMessage, Marker]], lost: Collection[str]) -> None:
        """Count what was recorded together; those that are `lost` were taken over by others, which count them."""
        if lost:
            sent = [(message, marker) for message, marker in sent if message.claimed.id not in lost]
        self._durations.add_all(sorted([marker.duration_us * 1e-6 for _, marker in sent]))
        for (incarnation, customer), lags in _lags_by_customer(sent).items():
            lags.sort()
            counts = self._counts_of(incarnation, customer)
            count_ascending(counts.lateness, LATENESS_BOUNDS, lags)
            counts.latest = max(counts.latest, lags[-1])
            self._lateness.total += sum(lags)

    def count_failed(self, message: ClaimedMessage, outcome: Failed, started_at: float) -> None:
        """Count one attempt that failed."""
        claimed = message.claimed
        self._lateness.add(started_at - claimed.due_at + claimed.moved)
        self._durations.add(outcome.duration_us * 1e-6)
        self._counts_of(claimed.incarnation, claimed.customer).failed[outcome.error_class.value] += 1

    def count_dead(self, incarnation: int, customer_id: str) -> None:
        """Count one dead letter."""
        self._counts_of(incarnation, customer_id).dead += 1

    def count_avoided(self) -> None:
        """Count a message that a marker told to be sent already, so that it was not sent twice."""
        self._duplicates_avoided += 1

    def take_hours(self) -> dict[HourKey, CustomerCounts]:
        """Take out what was counted for the hours of customers."""
        self._fold()
        taken, self._hours = self._hours, {}
        return taken

    def put_back(self, hours: dict[HourKey, CustomerCounts]) -> None:
        """Keep what could not be written for the next time."""
        for key, counts in hours.items():
            self._add_to_hour(key, counts)

    def collect(self) -> Iterable[Metric]:
        """Return the numbers."""
        self._fold()
        attempts = CounterMetricFamily(
            "sendoff_attempts",
            "Requests to webhooks that are over, by what came of them",
            labels=("customer", "outcome"),
        )
        for labels, count in self._attempts.items():
            attempts.add_metric(labels, count)
        yield attempts
        dead = CounterMetricFamily("sendoff_customer_dead_letters", "Dead letters made", labels=("customer",))
        for customer, count in self._dead.items():
            dead.add_metric((customer,), count)
        yield dead
        yield self._lateness.family("sendoff_lateness_seconds", "From when a message was due to its request")
        yield self._durations.family("sendoff_webhook_duration_seconds", "From a request to its answer")
        yield CounterMetricFamily(
            "sendoff_duplicates_avoided", "Messages that a marker kept from being sent twice", self._duplicates_avoided
        )

    def _counts_of(self, incarnation: int, customer_id: str) -> CustomerCounts:
        counts = self._fresh.get(incarnation)
        if counts is None:
            counts = self._fresh[incarnation] = CustomerCounts(customer_id)
        return counts

    def _fold(self) -> None:
        """Add what is fresh to what Prometheus sees and to this hour: it comes every two seconds."""
        hour = int(time.time() // _HOUR)
        taken, self._fresh = self._fresh, {}
        for incarnation, counts in taken.items():
            label = self._customers.label(counts.customer)
            delivered = sum(counts.lateness)
            if delivered:
                self._attempts[label, _DELIVERED] += delivered
            for reason, count in counts.failed.items():
                self._attempts[label, reason] += count
            if counts.dead:
                self._dead[label] += counts.dead
            for place, count in enumerate(counts.lateness):
                self._lateness.counts[place] += count
            self._add_to_hour((incarnation, counts.customer, hour), counts)

    def _add_to_hour(self, key: HourKey, counts: CustomerCounts) -> None:
        known = self._hours.get(key)
        if known is not None:
            known.add(counts)
        elif len(self._hours) < _MOST_WAITING:
            self._hours[key] = counts


def _lags_by_customer(sent: Sequence[tuple[ClaimedMessage, Marker]]) -> dict[tuple[int, str], list[float]]:
    """How late each request began (seconds), by the incarnation and the id of its customer."""
    lags: dict[tuple[int, str], list[float]] = {}
    for message, marker in sent:
        claimed = message.claimed
        lag = marker.sent_at - marker.duration_us * 1e-6 - claimed.due_at + claimed.moved
        customer = claimed.incarnation, claimed.customer
        if customer in lags:
            lags[customer].append(lag)
        else:
            lags[customer] = [lag]
    return lags
