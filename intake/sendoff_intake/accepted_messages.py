"""Counts what a process has stored, by customer; in plain numbers, since each message passes here."""

from collections import Counter
from collections.abc import Iterable, Sequence

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from sendoff_config.metrics.customer_labels import CustomerLabels
from sendoff_intake.submission import Result, Stored, Submission

#: Of so many customers the counts are kept until they get their labels, or until the counter is read.
_MOST_UNLABELLED = 1000


class AcceptedMessages(Collector):
    """How many messages were stored for the first time; a bounded number of customers is told apart."""

    def __init__(self, customers: CustomerLabels) -> None:
        self._customers = customers
        self._by_label: Counter[str] = Counter()
        self._by_customer: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """How many of all customers."""
        return self._by_label.total() + self._by_customer.total()

    def count(self, submissions: Sequence[Submission], results: Sequence[Result | Exception]) -> None:
        """Count those of the submissions that are new, by what became of each."""
        for submission, result in zip(submissions, results, strict=True):
            if isinstance(result, Stored) and not result.replayed:
                self._by_customer[submission.message.customer] += 1
        if len(self._by_customer) > _MOST_UNLABELLED:
            self._label()

    def collect(self) -> Iterable[Metric]:
        """Return the counter."""
        family = CounterMetricFamily("sendoff_accepted_messages", "Messages accepted and stored", labels=("customer",))
        self._label()
        for label, count in self._by_label.items():
            family.add_metric((label,), count)
        yield family

    def _label(self) -> None:
        for customer, count in self._by_customer.items():
            self._by_label[self._customers.label(customer)] += count
        self._by_customer.clear()
