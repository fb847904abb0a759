"""Which customers have something to claim: a look at what is due first, and if that is much, at one after the other."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString

from sendoff_db.pool import Connection
from sendoff_db.sql import fetch_all
from sendoff_domain.claim_plan import Demand

#: How many messages of a customer are counted; one that has so many gets what the others leave.
_MOST_PER_CUSTOMER = 50
#: How many customers one claim looks at; the next one goes on behind them.
_STEPS = 1000


@dataclass(slots=True)
class DemandScan:
    """Looks for customers with something to claim. Where more than a claim waits it remembers how far it came."""

    _after_due: str = ""
    _after_retries: str = ""

    async def look(self, connection: Connection, batch_size: int, horizon: timedelta) -> list[Demand]:
        """The customers with messages or retries that are due; a number of `batch_size` means that many or more."""
        values = {"batch_size": batch_size, "horizon": horizon}
        sample = await fetch_all(connection, __package__, "sample_due", values)
        due = {customer: number for customer, number, _ in sample if number}
        retries = {customer: number for customer, _, number in sample if number}
        # A full sample tells of those who wait longest only: behind them others may wait, whom it must not hide.
        if sum(due.values()) >= batch_size:
            due, self._after_due = await _walk(
                connection, "count_due_by_customer", values=values, after=self._after_due
            )
        if sum(retries.values()) >= batch_size:
            retries, self._after_retries = await _walk(
                connection, "count_retries_by_customer", values=values, after=self._after_retries
            )
        return [Demand(customer, due.get(customer, 0), retries.get(customer, 0)) for customer in {**due, **retries}]


async def _walk(
    connection: Connection, statement: LiteralString, *, values: dict[str, Any], after: str
) -> tuple[dict[str, int], str]:
    """The numbers by customer, and behind which customer the next walk begins."""
    batch_size = values["batch_size"]
    most = min(_MOST_PER_CUSTOMER, batch_size)
    steps = {**values, "after": after, "most": most, "steps": _STEPS}
    rows = await fetch_all(connection, __package__, statement, steps)
    found = {customer: batch_size if number >= most else number for customer, number in rows if number}
    return found, rows[-1][0] if len(rows) == _STEPS else ""
