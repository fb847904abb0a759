"""Customers in trouble, as the database has them at the moment of a scrape: the same from every API process."""

from collections.abc import Iterable

import psycopg
import structlog
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from psycopg_pool import PoolTimeout

from sendoff_db.pool import Pool
from sendoff_db.sql import read_statement

_log = structlog.get_logger("sendoff.http")
_MEANINGS = {
    "sendoff_breaker_open": "The breaker of this customer is open: its webhook fails",
    "sendoff_customer_paused": "This customer is paused",
}


async def read_troubles(pool: Pool) -> bytes:
    """The customers in trouble in Prometheus' text format; nothing while the database does not answer."""
    try:
        async with pool.connection() as connection:
            cursor = await connection.execute(read_statement(__package__, "read_troubles"))
            return describe_troubles(await cursor.fetchall())
    except (psycopg.OperationalError, PoolTimeout) as error:
        _log.warning("metrics without customers", error=str(error))
        return b""


def describe_troubles(rows: Iterable[tuple[str, str]]) -> bytes:
    """One line for each trouble of a customer."""
    registry = CollectorRegistry()
    gauges = {name: Gauge(name, meaning, ("customer",), registry=registry) for name, meaning in _MEANINGS.items()}
    for name, customer in rows:
        gauges[name].labels(customer).set(1)
    return generate_latest(registry)
