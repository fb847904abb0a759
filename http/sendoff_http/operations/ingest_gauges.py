"""What is in the stream of the ingest, as JetStream has it: alike from every API process."""

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from sendoff_control.ingest_stream import IngestFigures


class IngestGauges(Collector):
    """A gauge for what there is, and a counter for what there was; what is not known is absent."""

    def __init__(self, figures: IngestFigures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Return the numbers; `generate_latest` calls it."""
        found = self._figures
        gauges = (
            ("waiting_messages", "Messages in the stream, not stored yet", found.waiting),
            ("taken_messages", "How many of these an ingest process holds", found.taken),
            ("oldest_seconds", "How long the oldest of them has been in the stream", found.oldest_seconds),
            ("stream_bytes", "What they take in the stream", found.bytes),
            ("stream_max_bytes", "How much the stream may hold", found.max_bytes),
        )
        counters = (
            ("handled_messages", "Messages that have left the stream: stored, or rejected", found.handled),
            ("rejected_messages", "Messages that were rejected", found.rejected),
        )
        yield from (
            GaugeMetricFamily(f"sendoff_ingest_{name}", meaning, value)
            for name, meaning, value in gauges
            if value is not None
        )
        yield from (
            CounterMetricFamily(f"sendoff_ingest_{name}", meaning, value)
            for name, meaning, value in counters
            if value is not None
        )
        yield self._full_customers()

    def _full_customers(self) -> GaugeMetricFamily:
        meaning = "The producers of this customer are refused: its quota in the stream is full"
        gauge = GaugeMetricFamily("sendoff_ingest_customer_full", meaning, labels=("customer",))
        for customer_id in self._figures.full_customers or ():
            gauge.add_metric((customer_id,), 1)
        return gauge
