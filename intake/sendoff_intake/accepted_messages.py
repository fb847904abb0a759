"""Counts what a process has stored, by customer; in plain numbers, since each message passes here."""

from collections import Counter
from collections.abc import Iterable, Sequence

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from sendoff_config.metrics.customer_labels import CustomerLabels
from sendoff_intake.submission import Result, Stored, Submission


class AcceptedMessages(Collector):
    """How many messages were stored for the first time; a bounded number of customers is told apart."""

    def __init__(self, customers: CustomerLabels) -> None:
        self._customers = customers
        self._counts: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """How many of all customers."""
        return self._counts.total()

    def count(self, submissions: Sequence[Submission], results: Sequence[Result | Exception]) -> None:
        """Count those of the submissions that are new, by what became of each."""
        for submission, result in zip(submissions, results, strict=True):
            if isinstance(result, Stored) and not result.replayed:
                self._counts[self._customers.label(submission.message.customer)] += 1

    def collect(self) -> Iterable[Metric]:
        """Return the counter."""
        family = CounterMetricFamily("sendoff_accepted_messages", "Messages accepted and stored", labels=("customer",))
        for customer, count in self._counts.items():
            family.add_metric((customer,), count)
        yield family
