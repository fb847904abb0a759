"""A histogram for what happens ten thousand times a second: a list of plain integers."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from prometheus_client.core import HistogramMetricFamily


class BucketCounts:
    """Counts values by the first bound that is not below them; `counts` has one place more, for what is above all."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add_all(self, values: Sequence[float]) -> None:
        """Count many values, in ascending order."""
        count_ascending(self.counts, self.bounds, values)
        self.total += sum(values)

    def family(self, name: str, meaning: str) -> HistogramMetricFamily:
        """The histogram as Prometheus wants it, whose buckets hold all that is below their bounds."""
        buckets, so_far = [], 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            so_far += count
            buckets.append(("+Inf" if bound == float("inf") else str(float(bound)), float(so_far)))
        return HistogramMetricFamily(name, meaning, buckets=buckets, sum_value=self.total)


def count_ascending(counts: list[int], bounds: Sequence[float], values: Sequence[float]) -> None:
    """Add values, in ascending order, to the counts of these bounds: a look for each bound costs less than for each."""
    start = 0
    for place, bound in enumerate(bounds):
        end = bisect_right(values, bound, start)
        counts[place] += end - start
        start = end
        if start == len(values):
            return
    counts[-1] += len(values) - start
