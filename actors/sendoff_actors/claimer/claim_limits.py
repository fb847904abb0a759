"""What may be claimed: which customers have something due, and what limits each of them.

The limits are a pause, saturation, an open breaker, a rate or a concurrency.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, LiteralString

import msgspec

from sendoff_actors.handoffs import Claimed
from sendoff_db.pool import Connection
from sendoff_db.sql import Row, fetch_all, fetch_one, run, run_in_index_order
from sendoff_domain.claim_plan import Demand
from sendoff_domain.limits import slots_ahead, spacing, spread

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
        sample = await (await run_in_index_order(connection, __package__, "sample_due", values)).fetchall()
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
    rows = await (await run_in_index_order(connection, __package__, statement, steps)).fetchall()
    found = {customer: batch_size if number >= most else number for customer, number in rows if number}
    return found, rows[-1][0] if len(rows) == _STEPS else ""


#: A probe that has brought no outcome after this is lost.
_PATIENCE = timedelta(seconds=60)
#: A process that is frozen for so long within a transaction that locks rows loses it.
_STALL = "2s"


@dataclass(slots=True)
class ClaimLimits:
    """How many messages of a customer may be claimed (`allowances`), and what has to be done about those that are.

    A customer without an allowance may be claimed without end. `spacings` is how far apart the requests of a customer
    with a rate start (seconds); `limited` are the customers with a limit of concurrency; the message of a customer in
    `probes` tries out whether its webhook works again.
    """

    allowances: dict[str, int] = field(default_factory=dict)
    spacings: dict[str, float] = field(default_factory=dict)
    limited: set[str] = field(default_factory=set)
    probes: set[str] = field(default_factory=set)

    def mark(self, messages: list[Claimed]) -> list[Claimed]:
        """The messages, each with what its Sender must know of the limits that it was claimed under."""
        marked = self.probes | self.limited
        if not marked:
            return messages
        return [
            msgspec.structs.replace(each, probe=each.customer in self.probes, limited=each.customer in self.limited)
            if each.customer in marked
            else each
            for each in messages
        ]


async def find_limited(connection: Connection, customers: Sequence[str]) -> list[Row]:
    """Those of the customers that anything limits, for `read_claim_limits`: most claims find none."""
    asked = {"customers": list(customers)}
    return await (await run_in_index_order(connection, __package__, "read_claim_limits", asked)).fetchall()


async def read_claim_limits(connection: Connection, limited: Sequence[Row], ahead: timedelta) -> ClaimLimits:
    """What limits a claim of the messages of those that were found; a rate allows the slots of the next `ahead`.

    It takes the probe of an open breaker and locks the customers with a limit of concurrency, until the transaction of
    the claim ends. Where nobody is limited it asks the server nothing.
    """
    limits, concurrency = ClaimLimits(), {}
    if limited:
        await bound_stall(connection)
    for row in limited:
        customer, blocked, is_open, may_probe, rate, period_ms, slot_in, concurrent = row
        if blocked or (is_open and not (may_probe and await _takes_probe(connection, customer))):
            limits.allowances[customer] = 0
            continue
        allowed = []
        if is_open:
            limits.probes.add(customer)
            allowed.append(1)
        if rate is not None:
            space = limits.spacings[customer] = spacing(rate, timedelta(milliseconds=period_ms))
            allowed.append(slots_ahead(next_slot=slot_in or 0.0, now=0.0, ahead=ahead.total_seconds(), space=space))
        if concurrent is not None:
            concurrency[customer] = concurrent
        if allowed:
            limits.allowances[customer] = min(allowed)
    if concurrency:
        await _limit_concurrency(connection, concurrency, limits)
    return limits


async def bound_stall(connection: Connection) -> None:
    """Let the transaction end by itself if this process is frozen within it; for those that lock rows."""
    await run(connection, __package__, "bound_stall", {"stall": _STALL})


async def _takes_probe(connection: Connection, customer: str) -> bool:
    values = {"customer": customer, "patience": _PATIENCE}
    return await fetch_one(connection, __package__, "take_probe", values) is not None


async def _limit_concurrency(connection: Connection, concurrency: dict[str, int], limits: ClaimLimits) -> None:
    """Allow what is left of each limit of concurrency; nothing while another claim is about to use it."""
    rows = await fetch_all(connection, __package__, "lock_limited", {"customers": sorted(concurrency)})
    locked = {customer for (customer,) in rows}
    claimed: dict[str, int] = dict(
        await fetch_all(connection, __package__, "count_claimed", {"customers": sorted(locked)})
    )
    for customer, most in concurrency.items():
        left = max(0, most - claimed[customer]) if customer in locked else 0
        limits.allowances[customer] = min(left, limits.allowances.get(customer, left))
        limits.limited.add(customer)


async def apply_rates(connection: Connection, claimed: list[Claimed], spacings: Mapping[str, float]) -> list[Claimed]:
    """The messages, those of customers in `spacings` due at the slots that are taken for them in a transaction.

    `spacings` is how far apart the requests of a customer start (seconds).
    """
    paced = sorted({message.customer for message in claimed} & spacings.keys()) if spacings else []
    if not paced:
        return claimed
    async with connection.transaction():
        await bound_stall(connection)
        slots: dict[str, float] = dict(await fetch_all(connection, __package__, "lock_slots", {"customers": paced}))
        moved = [message for message in claimed if message.customer not in slots]
        for customer in paced:
            own = [message for message in claimed if message.customer == customer]
            starts = spread([message.due_at for message in own], slots[customer], spacings[customer])
            moved += [
                msgspec.structs.replace(each, due_at=start, moved=start - each.due_at)
                for each, start in zip(own, starts, strict=True)
            ]
            slots[customer] = starts[-1] + spacings[customer]
        values = {"customers": paced, "slots": [slots[customer] for customer in paced]}
        await run(connection, __package__, "write_slots", values)
    return moved
