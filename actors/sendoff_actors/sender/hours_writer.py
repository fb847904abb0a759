"""Writes what was counted to the hours of customers, some seconds' worth at a time."""

import asyncio
from datetime import UTC, datetime

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from sendoff_actors.sender.delivery_metrics import CustomerCounts, DeliveryMetrics, HourKey
from sendoff_db.failures import describe
from sendoff_db.pool import Pool
from sendoff_db.sql import run

log = structlog.get_logger("sendoff.sender")

#: How often (seconds): so much of the counts goes with a process that is killed.
_EVERY = 5.0
#: Hours of customers that one statement writes.
_AT_ONCE = 1000


class HoursWriter:
    """The service that adds what this process counted to `customer_hours`, every five seconds.

    What a statement was to write whose answer got lost is not written again: better too little than twice.
    """

    name = "hours writer"

    def __init__(self, pool: Pool, metrics: DeliveryMetrics) -> None:
        self._pool = pool
        self._metrics = metrics

    async def wait(self) -> None:
        """Wait five seconds."""
        await asyncio.sleep(_EVERY)

    async def run_once(self) -> None:
        """Write what there is; without a connection it waits for the next turn."""
        left = sorted(self._metrics.take_hours().items())  # in one order, so that no two processes lock crosswise
        while left:
            part, left = left[:_AT_ONCE], left[_AT_ONCE:]
            try:
                async with self._pool.connection() as connection:
                    await run(connection, __package__, "add_customer_hours", _values(part))
            except PoolTimeout:
                self._metrics.put_back(dict([*part, *left]))
                return
            except psycopg.Error as error:
                log.warning("hours of customers are not counted", hours=len(part), error=describe(error))


def _values(part: list[tuple[HourKey, CustomerCounts]]) -> dict[str, object]:
    return {
        "incarnations": [incarnation for (incarnation, _, _), _ in part],
        "customers": [customer_id for (_, customer_id, _), _ in part],
        "hours": [datetime.fromtimestamp(hour * 3600, UTC) for (_, _, hour), _ in part],
        "failed": [counts.failed.total() for _, counts in part],
        "dead": [counts.dead for _, counts in part],
        "latest": [counts.latest for _, counts in part],
        # A line for each, since arrays of arrays would be one array with two dimensions.
        "lateness": [" ".join(map(str, counts.lateness)) for _, counts in part],
    }
