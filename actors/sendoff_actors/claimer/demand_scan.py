"""Who has something to claim: a look at what is due first, and, when that is much, at one customer after the other."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString

from sendoff_db.pool import Connection
from sendoff_db.sql import read_statement
from sendoff_domain.claim_plan import Demand

#: How many messages of a customer are counted; one that has so many gets what the others leave.
_COUNTED = 50
#: How many customers one claim looks at; the next one goes on behind them.
_STEPS = 1000


@dataclass(slots=True)
class DemandScan:
    """Looks who waits. Where more than a claim waits it remembers how far it came."""

    _after_due: str = ""
    _after_ripe: str = ""

    async def look(self, connection: Connection, batch_size: int, horizon: timedelta) -> list[Demand]:
        """The customers with due messages or ripe retries; a number of `batch_size` means that many or more."""
        values = {"batch_size": batch_size, "horizon": horizon}
        head = await _fetch(connection, "sample_due", values)
        firsts = {customer: first for customer, first, _ in head if first}
        retries = {customer: again for customer, _, again in head if again}
        # A full look tells of those who wait longest only: behind them others may wait, whom it must not hide.
        if sum(firsts.values()) >= batch_size:
            firsts, self._after_due = await _walk(connection, "count_due_by_customer", values, self._after_due)
        if sum(retries.values()) >= batch_size:
            retries, self._after_ripe = await _walk(connection, "count_retries_by_customer", values, self._after_ripe)
        return [Demand(each, firsts.get(each, 0), retries.get(each, 0)) for each in {**firsts, **retries}]


async def _walk(
    connection: Connection, statement: LiteralString, values: dict[str, Any], after: str
) -> tuple[dict[str, int], str]:
    """The numbers by customer, and behind whom the next walk begins."""
    batch_size = values["batch_size"]
    most = min(_COUNTED, batch_size)
    rows = await _fetch(connection, statement, {**values, "after": after, "most": most, "steps": _STEPS})
    found = {customer: batch_size if number >= most else number for customer, number in rows if number}
    return found, rows[-1][0] if len(rows) == _STEPS else ""


async def _fetch(connection: Connection, statement: LiteralString, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(read_statement(__package__, statement), values)
    return await cursor.fetchall()
