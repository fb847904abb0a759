"""Customers in trouble, as the database has them at the moment of a scrape: alike from every API process."""

from collections.abc import Iterable, Sequence

import psycopg
import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sendoff_db.failures import describe
from sendoff_db.pool import Pool
from sendoff_db.sql import fetch_all

_log = structlog.get_logger("sendoff.http")
_MEANINGS = {
    "sendoff_breaker_open": "The breaker of this customer is open: its webhook fails",
    "sendoff_customer_paused": "This customer is paused",
}


class CustomerGauges(Collector):
    """A gauge for each kind of trouble, with one sample of 1 for each customer in it."""

    def __init__(self, in_trouble: Sequence[tuple[str, str]]) -> None:
        """`in_trouble` are the names of gauges, each with the id of a customer."""
        self._in_trouble = in_trouble

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the gauges; `generate_latest` calls it."""
        gauges = {name: GaugeMetricFamily(name, meaning, labels=("customer",)) for name, meaning in _MEANINGS.items()}
        for name, customer_id in self._in_trouble:
            gauges[name].add_metric((customer_id,), 1)
        return gauges.values()


async def read_customer_gauges(pool: Pool) -> CustomerGauges | None:
    """The gauges of this moment; None while the database does not answer."""
    try:
        async with pool.connection() as connection:
            return CustomerGauges(await fetch_all(connection, __package__, "list_customers_in_trouble"))
    except psycopg.Error as error:
        _log.warning("metrics without customers", error=describe(error))
        return None
