"""What a worker process counts for Prometheus: claims, deliveries, dead letters, and what it holds at the moment."""

from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from sendoff_actors.claimer.handler import Claiming
from sendoff_actors.sender.delivery_metrics import DeliveryMetrics
from sendoff_actors.sender.hours_writer import HoursWriter
from sendoff_actors.sender.slots import Slots
from sendoff_config.identity import Identity
from sendoff_config.metrics.customer_labels import CustomerLabels
from sendoff_config.metrics.process_metrics import ProcessMetrics, new_process_metrics
from sendoff_config.settings import MetricsSettings
from sendoff_db.pool import Pool
from sendoff_db.pool_metrics import PoolMetrics
from sendoff_domain.message import DeathReason
from sendoff_intake.accepted_messages import AcceptedMessages


@dataclass(frozen=True, slots=True)
class WorkerMetrics:
    """The numbers of a worker process; without `deliveries` none are counted, since nobody will ask."""

    of_process: ProcessMetrics
    deliveries: DeliveryMetrics | None
    hours: HoursWriter | None
    accepted: AcceptedMessages
    _dead_letters: Counter

    def count_dead_letters(self, buried: Iterable[tuple[int, str, str]]) -> None:
        """Count dead letters, each by its customer's incarnation and id, and its reason."""
        for incarnation, customer_id, reason in buried:
            self._dead_letters.labels(reason).inc()
            if self.deliveries is not None:
                self.deliveries.count_dead(incarnation, customer_id)

    def watch(self, claiming: Claiming, held: Sized, slots: Slots) -> None:
        """Show what the process claims, how much it holds, and how much of that is on the wire."""
        registry = self.of_process.registry
        registry.register(ClaimMetrics(claiming))
        shown: tuple[tuple[str, str, Callable[[], int]], ...] = (
            ("held_messages", "Claimed messages in the process", lambda: len(held)),
            ("requests_in_flight", "Requests on the wire", lambda: slots.in_flight),
            ("slots", "How many requests may be on the wire at once", lambda: slots.limit),
        )
        for name, meaning, read in shown:
            Gauge(f"sendoff_{name}", meaning, registry=registry).set_function(read)


class ClaimMetrics(Collector):
    """What a process has claimed, and given back since its lease ran out."""

    def __init__(self, claiming: Claiming) -> None:
        self._claiming = claiming

    def collect(self) -> Iterable[Metric]:
        """Return the counters."""
        yield CounterMetricFamily(
            "sendoff_claimed_messages", "Messages taken under a lease", self._claiming.claimed_messages
        )
        yield CounterMetricFamily(
            "sendoff_expired_leases",
            "Claimed messages of any process whose lease ran out, given back by this one",
            self._claiming.expired_leases,
        )


def new_worker_metrics(identity: Identity, pool: Pool, settings: MetricsSettings) -> WorkerMetrics:
    """Fresh numbers of a worker process."""
    of_process = new_process_metrics(identity)
    registry = of_process.registry
    registry.register(PoolMetrics(pool))
    deliveries = DeliveryMetrics(CustomerLabels(settings.customers)) if settings.enabled else None
    if deliveries is not None:
        registry.register(deliveries)
    accepted = AcceptedMessages(CustomerLabels(settings.customers))  # by imports
    registry.register(accepted)
    dead_letters = Counter("sendoff_dead_letters", "Dead letters made", ("reason",), registry=registry)
    for reason in DeathReason:  # from zero, so that the first one is seen as a growth
        dead_letters.labels(reason.value)
    hours = HoursWriter(pool, deliveries) if deliveries is not None else None
    return WorkerMetrics(of_process, deliveries, hours, accepted, dead_letters)
