"""How a process's pool of connections to PostgreSQL is doing."""

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from sendoff_db.pool import Pool


class PoolMetrics(Collector):
    """The pool's own statistics (psycopg_pool, `get_stats`), in Prometheus' units."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def collect(self) -> Iterable[Metric]:
        """Return the numbers of this moment."""
        found = self._pool.get_stats()
        gauges = (
            ("size", "Connections that the pool has, or is opening", "pool_size"),
            ("available", "Connections that nobody uses", "pool_available"),
            ("max_size", "Connections that it may have", "pool_max"),
            ("waiting", "Who waits for a connection", "requests_waiting"),
        )
        counters = (
            ("requests", "How often a connection was wanted", "requests_num"),
            ("queued", "How often one had to be waited for", "requests_queued"),
            ("errors", "How often none came in time", "requests_errors"),
            ("connections_lost", "Connections that came back broken", "connections_lost"),
        )
        for name, meaning, key in gauges:
            yield GaugeMetricFamily(f"sendoff_pool_{name}", meaning, found.get(key, 0))
        for name, meaning, key in counters:
            yield CounterMetricFamily(f"sendoff_pool_{name}", meaning, found.get(key, 0))
        waited = found.get("requests_wait_ms", 0) / 1000
        yield CounterMetricFamily("sendoff_pool_wait_seconds", "How long connections were waited for in all", waited)
